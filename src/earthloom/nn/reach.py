"""How far networks look: whole numbers, which methods declare and ask for before torch is loaded."""

from __future__ import annotations

FCNN3D_KERNELS = ((7, 9, 9), (1, 1, 1), (1, 1, 1), (3, 5, 5))  # bands, rows, columns
TWO_STEP_KERNELS = (9, 5, 5)  # sides of the three convolutions of either network
TWO_STEP_WINDOW = 5  # pixels across which the change of a pair is averaged


def cross_fusion(fusions: int, kernel: int, window: int, blocks: int) -> int:
    """Pixels of the packet's grid on every side that one output of CF2N depends on."""
    each = 2 * blocks + 1 + (1 + kernel // 2 if kernel > 1 else 0)
    straight = 5 + fusions * each + 1
    pooled = 1 + window // 2 + 1 + (fusions - 1) * each + 1
    return max(straight, pooled)


def coarsr(blocks: int) -> int:
    """Coarse pixels on every side that one fine pixel depends on: heads, two rounds, the mix, the upsampling."""
    return 1 + 2 * (2 * 2 * blocks + 2) + 1 + 3


def fusion_gan(factor: int, coarse_blocks: int, fine_blocks: int, kernel: int) -> int:
    """Fine pixels on every side that one output of a generator depends on, the coarse pixel's own side included."""
    coarse = factor * (kernel // 2 + 2 * coarse_blocks + 1)
    enlarged = sum(factor >> step for step in range(factor.bit_length() - 1))
    return max(coarse + enlarged + factor, kernel // 2 + 2 * fine_blocks + 1) + kernel // 2


def fcnn3d() -> int:
    """Wanted pixels on every side that one output of 3D-FCNN depends on."""
    return sum(rows // 2 for _, rows, _ in FCNN3D_KERNELS)


def two_step() -> int:
    """Pixels of its grid on every side that one output of either network of STFDCNN depends on."""
    return sum(side // 2 for side in TWO_STEP_KERNELS)


CLOUD_LEVEL = 8  # pixels along a side of the coarsest grid of the U-Net for clouds
CLOUD_DILATIONS = (1, 2, 3)  # of its residual blocks there


def cloud_unet() -> int:
    """Pixels on every side that an output of the U-Net for clouds depends on, one of the coarsest grid included."""
    half, quarter = 1 + 2 + 2 + 1 + 1, 1 + 4 + 1 + 2
    eighth = 1 + 1 + 2 * sum(CLOUD_DILATIONS)
    return 2 * half + 4 * quarter + CLOUD_LEVEL * (eighth + 1)

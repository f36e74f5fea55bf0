"""Copy the network for clouds into the package: half precision, its uncertainty calibrated.

python -m bench.cloud_removal.ship

It has seen none of the ten triplets: the figures on its card are theirs, and what it says of its error is scaled by
what they ask for.
"""

from __future__ import annotations

import platform
from dataclasses import replace

import numpy as np

from bench.cards import write_card
from bench.cloud_removal import real
from bench.cloud_removal.train import BEFORE, CORE_S, UNSEEN, folder
from bench.cloud_removal.triplets import NETWORK, factor, sure
from bench.results import tables
from earthloom.weights import store as weights

NAME = "clouds_sentinel2_l1c"
DATA = (
    "SEN12MS-CR: eight pairs of land and six of water without radar, eight dates of one place, one clear triplet; "
    "TerraMesh, three clear pairs; a Sentinel-2 L1C scene near Malmo. Real clouds transplanted, and simulated ones"
)
LICENCE = (
    "SEN12MS-CR, CC BY 4.0 as far as known (the repository of these copies states none); TerraMesh, CC BY-SA 4.0; "
    "contains modified Copernicus Sentinel data"
)
FIGURES_OF = (
    "ten SEN12MS-CR triplets, which it never saw, under their masks; all: over all pixels; eight ways, every pixel "
    "written"
)
NOT_FOR = (
    "other bands than the thirteen of Sentinel-2 L1C at 10 m (surface reflectance is darker in the blue); snow, ice "
    "and deserts, which it has hardly seen; measuring anything under thick clouds: it fills them with what is likely"
)


def main() -> None:
    """Read, calibrate, write, and print how large the weights are."""
    header, tensors = weights.read(folder(UNSEEN))
    scaled = factor([sure(case) for case in real.cases()])
    bands = len(header.bands)
    bias = np.array(tensors["head.bias"])
    bias[-bands:] += np.log(scaled)  # the last channels of the head are the logarithms of the scale
    found = tables("cloud_removal")["triplets/means"]
    row = f"{NETWORK}, 8 ways, everywhere"
    figures = {c: found.cell(row, c) for c in ("all_psnr", "all_ssim", "all_sam_deg", "all_mae", "psnr", "sam_deg")}
    card = {
        "data": DATA, "licence": LICENCE, "not_for": NOT_FOR, "figures": figures,
        "figures of": FIGURES_OF,
        "uncertainty": f"expected absolute error, times {scaled:.2f} as these triplets ask", **header.card,
        "hardware": f"1 thread of an {platform.processor() or 'x86-64'} CPU",
        "recipe": "python -m bench.cloud_removal.train before unseen; ... .triplets; ... .ship",
        "budget": f"{CORE_S[BEFORE]:.0f} s before and {CORE_S[UNSEEN]:.0f} s of processor time",
    }  # fmt: skip
    card.pop("without", None)
    header = replace(header, card=card)
    path = weights.write(weights.FOLDER / f"{NAME}.safetensors", header, {**tensors, "head.bias": bias}, half=True)
    write_card(path, header.method, f" for the bands {', '.join(header.bands)}", card)


if __name__ == "__main__":
    main()

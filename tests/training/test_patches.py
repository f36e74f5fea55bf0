"""Batches are pure functions of seed and step, aligned, masked, and split among processes without a remainder."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.errors import InputError
from earthloom.training.loop.patches import MASK, TRUTH, Patches, halved, positions, turned
from tests.training.tiny import sample


def located(side: int = 40, ratio: int = 4) -> dict[str, np.ndarray]:
    """A scene whose pixels say where they are: row and column of the truth, and the same on a coarse grid."""
    fine = np.stack(np.meshgrid(*2 * [np.arange(side, dtype=np.float32)], indexing="ij"))
    return {"fine": fine, "coarse": fine[:, ::ratio, ::ratio], TRUTH: fine.copy()}


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    patches = Patches([sample(0), sample(1)], 16, 2)
    first, again = patches.batch(5, 4, 3), Patches([sample(0), sample(1)], 16, 2).batch(5, 4, 3)
    assert set(first) == {"guide", "base", "truth"}
    for name, image in first.items():
        assert image.shape == (4, 1 if name == "guide" else 3, 16, 16) and image.dtype == np.float32
        np.testing.assert_array_equal(image, again[name])
    for other in (patches.batch(6, 4, 3), patches.batch(5, 4, 4)):
        assert not np.array_equal(first["truth"], other["truth"])


def test_parts_are_the_whole() -> None:
    patches = Patches([sample(0, hole=True), sample(1)], 16)
    whole, parts = patches.batch(2, 6, 1), [patches.batch(2, 6, 1, rank, 3) for rank in range(3)]
    for name, image in whole.items():
        np.testing.assert_array_equal(image, np.concatenate([part[name] for part in parts]))


def test_patches_begin_on_the_grid_and_all_arrays_show_one_place() -> None:
    patches = Patches([located()], 16, 8, "none")
    assert patches.step == 8 and len(patches) == 16
    corners = set()
    for step in range(20):
        batch = patches.batch(step, 4)
        assert (batch["fine"][:, :, 0, 0] % 8 == 0).all()
        np.testing.assert_array_equal(batch["fine"], batch[TRUTH])
        np.testing.assert_array_equal(batch["fine"][:, :, ::4, ::4], batch["coarse"])
        corners |= {tuple(corner) for corner in batch["fine"][:, :, 0, 0]}
    assert len(corners) == 16  # every place is drawn


@pytest.mark.parametrize(("augment", "ways"), [("full", 8), ("transpose", 2), ("none", 1)])
def test_augmentation_turns_all_arrays_alike(augment: str, ways: int) -> None:
    scene = {name: image[:, :16, : 16 // (4 if name == "coarse" else 1)] for name, image in located(16).items()}
    patches, seen = Patches([scene], 16, 1, augment), set()  # type: ignore[arg-type]
    for step in range(30):
        batch = patches.batch(step, 2)
        np.testing.assert_array_equal(batch["fine"], batch[TRUTH])
        coarse = batch["fine"].reshape(2, 2, 4, 4, 4, 4)
        corner = batch["coarse"][:, :, :, None, :, None]  # blocks turn, and each holds the pixel it was taken from
        assert ((coarse == corner).any(axis=(3, 5))).all()
        seen |= {image.tobytes() for image in batch["fine"]}
    assert len(seen) == ways


def test_turns_are_the_eight_symmetries_of_a_square() -> None:
    image = np.arange(9.0).reshape(1, 3, 3)
    turns = {turned(image, turn).tobytes() for turn in range(8)}
    made = [np.rot90(flipped, k, (1, 2)) for flipped in (image, image[:, ::-1]) for k in range(4)]
    assert turns == {np.ascontiguousarray(one).tobytes() for one in made}


def test_holes_are_masked_and_patches_of_little_truth_never_drawn() -> None:
    patches = Patches([sample(0, hole=True)], 16)
    for step in range(30):
        batch = patches.batch(step, 4)
        assert (batch[MASK].mean(axis=(1, 2, 3)) >= 0.5).all()
        assert np.isfinite(batch[TRUTH]).all() and not batch[TRUTH][(batch[MASK] == 0).repeat(3, 1)].any()
    mask = np.ones((20, 20), bool)
    mask[:12, :9] = False
    brute = [(y, x) for y in range(13) for x in range(13) if mask[y : y + 8, x : x + 8].mean() >= 0.5]
    assert [tuple(corner) for corner in positions(mask, 8, 1)] == brute


def test_half_scale_adds_averaged_scenes() -> None:
    scene = located(32)
    half = halved(scene, {"fine": 1, "coarse": 4, TRUTH: 1})
    np.testing.assert_array_equal(half["fine"][0, :, 0], np.arange(16) * 2 + 0.5)
    assert half["coarse"].shape == (2, 4, 4)
    assert len(Patches([scene], 16, 4, half_scale=True)) == len(Patches([scene], 16, 4)) + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: [], "no scene to train on"),
        (lambda s: [s, {**s, "guide": s["guide"].repeat(2, 0)}], "scene 1 with guide of 2 bands"),
        (lambda s: [{"guide": s["guide"]}], "inputs and 'truth'"),
        (lambda s: [{**s, "base": s["base"][:, :, :45]}], "sizes in a whole ratio"),
        (lambda s: [{**s, "base": np.full_like(s["base"], np.nan)}], "base that are not finite"),
        (lambda s: [{k: v[:, :12, :12] for k, v in s.items()}], "no scene holds a patch of 16 x 16"),
        (lambda s: [{**s, "truth": np.full_like(s["truth"], np.nan)}], "free of holes"),
    ],
)
def test_bad_scenes(change, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Patches(change(dict(sample())), 16)


def test_a_patch_that_is_no_multiple() -> None:
    with pytest.raises(InputError, match="take 20"):
        Patches([sample()], 18, 4)

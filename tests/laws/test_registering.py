"""What is done about a measured displacement of whole images: said, moved, or left where moving mends nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomWarning
from earthloom.physics.shift import Shift
from earthloom.prepare.registering import Registration, decided, warn_of

BLOCKS = tuple((0, 32 * at, Shift(0.0, 0.0, 0.02, 0.9)) for at in range(4))


def found(y: float, x: float, spread_px: float, measured: int = 4) -> Registration:
    return Registration(y, x, 4.0, spread_px, BLOCKS[:measured], 16)


def test_nothing_moves_by_less_than_its_blocks_differ() -> None:
    assert decided(found(0.17, -0.08, 0.77), "MS", "PAN") == (
        False, "MS not moved: off by 0.19 PAN pixels, and blocks differ by 0.77",
    )  # fmt: skip
    moves, words = decided(found(0.9, -0.8, 0.3), "b11.tif")
    assert moves and words == "b11.tif moved +0.90 rows, -0.80 columns (fine pixels)"
    assert decided(found(5.0, 5.0, 0.1, measured=3), "MS") == (False, "MS not moved: too little texture to measure by")


def test_nobody_is_sent_to_a_flag_that_would_do_nothing() -> None:
    with pytest.warns(EarthloomWarning, match="correct it with `register=True`"):
        warn_of(found(2.0, 1.0, 0.2), "coarse bands", "fine bands")
    with pytest.warns(EarthloomWarning, match="which one move of the whole image does not mend"):
        warn_of(found(2.0, 1.0, 3.0), "coarse bands", "fine bands")


def test_a_scene_whose_blocks_disagree_stays_in_place(shared: Path) -> None:
    """Landsat-8 over hills and water: 0.1 PAN pixels on the whole, blocks between -1.1 and +1.4."""
    folder = shared / "data/sharpening/landsat8_p020r039"
    said: list[str] = []
    facts: dict = {}
    asked = {"method": "exp", "say": said.append, "facts": facts.update}
    moved = earthloom.pansharpen(str(folder), str(folder), register=True, **asked)
    assert any(line.startswith("MS not moved: off by 0.0") for line in said)
    assert facts["registered"][0].startswith("MS not moved")
    np.testing.assert_array_equal(moved, earthloom.pansharpen(str(folder), str(folder), **asked))

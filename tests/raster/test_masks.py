"""Masks that people have: what their numbers mean, by their makers' own documents, written down by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from earthloom.errors import InputError
from earthloom.raster.open import open_image, open_mask
from earthloom.raster.products.masks import MaskFrom, as_mask
from earthloom.types import Window
from tests.e2e.conftest import grid, put

KINDS: dict[str, tuple[str, list[float], list[int]]] = {  # name: dtype, numbers, and which of them are masked
    # 0 no data, 1 defective, 2 dark, 3 shadow, 4 vegetation, 5 soil, 6 water, 7 unclassified, 8, 9 cloud, 10 cirrus,
    # 11 snow
    "scl": ("uint8", list(range(12)), [0, 1, 3, 8, 9, 10]),
    "omnicloudmask": ("uint8", [0, 1, 2, 3], [1, 2, 3]),
    "fmask": ("uint8", [0, 1, 2, 3, 4, 255], [2, 4]),  # land, water, shadow, snow, cloud, no data
    # clear 21824, water 21952, snow 30048 (they have bit 6, 7 or 5), cloud 22280, shadow 23888, cirrus 54596, fill 1
    "qa_pixel": ("uint16", [21824, 21952, 30048, 22280, 23888, 54596, 1], [22280, 23888, 54596, 1]),
    "hls_fmask": ("uint8", [0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5], [1 << 1, 1 << 2, 1 << 3]),  # 4 snow, 5 water
    "s2cloudless": ("float32", [0.0, 0.39, 0.4, 1.0], [0.4, 1.0]),
    "clp": ("uint8", [0, 101, 102, 255], [102, 255]),
}


def masked(path: Path, kind: str, *more: Any) -> np.ndarray:
    with open_mask(path) as image:
        mask = as_mask(image, cast(MaskFrom, kind), *more)
        return mask.read(Window(0, 0, *mask.shape), np.dtype("float32"))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_mean_what_their_makers_say(kind: str, tmp_path: Path) -> None:
    dtype, numbers, cloudy = KINDS[kind]
    path = put(tmp_path / "mask.tif", np.array([[numbers]]).astype(dtype), grid(10))
    np.testing.assert_array_equal(masked(path, kind)[0, 0], [number in cloudy for number in numbers])


def test_probabilities_in_percent_and_masks_of_s2cloudless(tmp_path: Path) -> None:
    percent = put(tmp_path / "percent.tif", np.array([[[0, 1, 39, 40, 100]]], "uint8"), grid(10))
    np.testing.assert_array_equal(masked(percent, "s2cloudless")[0, 0], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(masked(percent, "s2cloudless", 0.01)[0, 0], [0, 1, 1, 1, 1])
    binary = put(tmp_path / "binary.tif", np.array([[[0, 1, 0]]], "uint8"), grid(10))
    np.testing.assert_array_equal(masked(binary, "s2cloudless")[0, 0], [0, 1, 0])


def test_udm2(tmp_path: Path) -> None:
    """Clear, snow, shadow, light and heavy haze, cloud, confidence, udm1: one pixel each, then an old cloud (bit 1)."""
    bands = np.eye(8, dtype="uint8")[:, None, :]
    bands = np.concatenate([bands, np.zeros((8, 1, 1), "uint8")], axis=2)
    bands[7, 0, 8] = 1 << 1
    path = put(tmp_path / "usable.tif", bands, grid(3))
    np.testing.assert_array_equal(masked(path, "udm2"), [[[0, 0, 1, 1, 1, 1, 0, 1, 0]]])


def test_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "mask.tif", np.zeros((2, 4, 4), "uint8"), grid(10))
    with open_image(path) as image:
        for kind, words in (("scl", "2 bands as mask from scl"), ("udm2", "8 band")):
            with pytest.raises(InputError, match=words):
                as_mask(image, cast(MaskFrom, kind))
        with pytest.raises(InputError, match="a probability of 40"):
            as_mask(image.pick([0]), "s2cloudless", 40)

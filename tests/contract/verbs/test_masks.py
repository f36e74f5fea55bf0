"""A mask lies on its image: beside images with coordinates one without any is taken pixel by pixel, in every verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import earthloom

CRS = "EPSG:32633"
FINE, RATIO = 48, 4
Place = Callable[[np.ndarray], Any]


def _placed(crs: str | None) -> Place:
    """Makes DataArrays of arrays: all of one corner, pixels of 10 m times what fills the scene."""
    xarray = pytest.importorskip("xarray")

    def placed(array: np.ndarray) -> Any:
        step = 10.0 * FINE / array.shape[-1]
        y, x = 4e6 - step * (np.arange(array.shape[-2]) + 0.5), 5e5 + step * (np.arange(array.shape[-1]) + 0.5)
        data = xarray.DataArray(array, dims=("band", "y", "x")[-array.ndim :], coords={"y": y, "x": x})
        return data if crs is None else data.assign_coords(spatial_ref=xarray.DataArray(0, attrs={"crs_wkt": crs}))

    return placed


def _image(seed: int, bands: int = 4, size: int = FINE) -> np.ndarray:
    rough = np.random.default_rng(seed).random((bands, size // 4, size // 4))
    return np.kron(rough, np.ones((4, 4))) + np.random.default_rng(seed + 100).random((bands, size, size)) / 10


def _clouds(size: int = FINE) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[size // 4 : size // 2, size // 3 : size // 2] = True
    return mask


def _decloud(image: Place, mask: Place) -> Any:
    given = image(_image(0)), image(_image(1, 2)), mask(_clouds())
    return earthloom.decloud(*given, dates=[image(_image(2))], date_masks=[mask(_clouds()[::-1].copy())])


def _predict(image: Place, mask: Place) -> Any:
    known = image(_image(0)), image(_image(1, size=FINE // RATIO))
    masks: Mapping[str, Any] = {
        "fine_masks": [mask(_clouds())], "coarse_masks": [mask(_clouds(FINE // RATIO)), mask(_clouds(FINE // RATIO))],
    }  # fmt: skip
    day = {"dates": ["2020-01-01"], "date": "2020-01-03", "coregister": "off"}
    return earthloom.predict([known], image(_image(2, size=FINE // RATIO)), "copy", **masks, **day)


def _align(image: Place, mask: Place) -> Any:
    sensors = {"source_sensor": "sentinel2a", "target_sensor": "landsat8"}
    masks = {"source_mask": mask(_clouds()), "target_mask": mask(_clouds())}
    return earthloom.align(image(_image(0)), target=image(_image(1)), method="ols", **sensors, **masks)


VERBS = (_decloud, _predict, _align)


@pytest.mark.parametrize("crs", [None, CRS])
@pytest.mark.parametrize("call", VERBS, ids=lambda call: call.__name__[1:])
def test_a_mask_without_coordinates_lies_on_its_image(call: Callable[[Place, Place], Any], crs: str | None) -> None:
    image = _placed(crs)
    wanted = call(image, image)
    assert np.isfinite(wanted).any()
    bare = call(image, lambda array: array)
    np.testing.assert_array_equal(bare, wanted)
    np.testing.assert_array_equal(call(image, _placed(None)), wanted)  # coordinates, but no CRS


@pytest.mark.parametrize("call", VERBS, ids=lambda call: call.__name__[1:])
def test_a_mask_beside_bare_arrays_needs_no_coordinates(call: Callable[[Place, Place], Any]) -> None:
    bare = call(lambda array: array, lambda array: array)
    np.testing.assert_array_equal(call(lambda array: array, _placed(CRS)), bare)

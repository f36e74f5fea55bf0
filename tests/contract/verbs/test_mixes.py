"""One scene however it is written: layout, type, code, scale, direction, CRS, names and format change no product."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import get

UTM = CRS.from_epsg(32633)
SPELLINGS = (UTM, CRS.from_wkt(UTM.to_wkt()), CRS.from_string("+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs"))
UNSCALED = ("align", "decloud")  # thresholds and radar of their own units


@dataclass(frozen=True)
class Mix:
    """How one image is written.

    Parameters
    ----------
    driver, options
        The format and its layout.
    dtype
        Of the numbers, which stay as they are.
    code
        Declared as missing; no pixel holds it.
    south
        Rows run from the south.
    crs
        The same CRS in other words.
    named
        Names that only number the bands.
    """

    driver: str
    options: tuple[tuple[str, Any], ...]
    dtype: str
    code: float | None
    south: bool
    crs: CRS
    named: bool

    def write(self, path: Path, folder: Path, scale: float | None) -> Path:
        """The image of a file, written anew."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                data, t, names, kind = file.read(), file.transform, file.descriptions, file.dtypes[0]
        mask = path.stem == "mask"
        dtype = kind if mask or np.dtype(kind).kind == "f" else self.dtype
        place = Affine(t.a, 0, t.c, 0, -t.e, t.f + t.e * data.shape[1]) if self.south else t
        out = folder / f"{path.stem}{'.tif' if self.driver == 'GTiff' else '.img'}"
        code = None if mask else self.code
        with rasterio.open(
            out, "w", driver=self.driver, count=len(data), height=data.shape[1], width=data.shape[2], dtype=dtype,
            crs=self.crs, transform=place, nodata=code, **dict(self.options),
        ) as file:  # fmt: skip
            file.write((data[:, ::-1] if self.south else data).astype(dtype))
            numbered = tuple(f"Band {number}" for number in range(1, len(data) + 1))
            file.descriptions = numbered if self.named and not any(names) else names
            if scale is not None and not mask:
                file.scales = (scale,) * len(data)
        return out


LAYOUTS = [
    ("GTiff", ()), ("GTiff", (("interleave", "pixel"),)),
    ("GTiff", (("tiled", True), ("blockxsize", 16), ("blockysize", 16))),
    ("GTiff", (("compress", "deflate"), ("predictor", 2))), ("GTiff", (("BIGTIFF", "YES"), ("interleave", "band"))),
    ("HFA", ()), ("ENVI", (("interleave", "bil"),)), ("ENVI", (("interleave", "bip"),)),
]  # fmt: skip
mixes = st.builds(
    lambda layout, kind, south, crs, named: Mix(
        *layout, kind[0] if "predictor" not in dict(layout[1]) else "uint16",
        kind[1] if "predictor" not in dict(layout[1]) else None, south and layout[0] == "GTiff", crs, named,
    ),
    st.sampled_from(LAYOUTS),
    st.sampled_from([("uint16", None), ("uint16", 65535), ("int32", None), ("int32", -9999), ("float32", -9999.0)]),
    st.booleans(), st.sampled_from(SPELLINGS), st.booleans(),
)  # fmt: skip


@cache
def plain(verb: str) -> np.ndarray:
    """The product of the scene as it is."""
    case = next(one for one in CASES if one.verb == verb)
    with TemporaryDirectory() as folder:
        product = case.call(case.inputs(Path(folder)), output=Path(folder) / "out.tif", dtype="float32")
        return get(product)[0]


def anew(given: Any, write: Any) -> Any:
    """The same inputs, every file written anew."""
    if isinstance(given, Path):
        return write(given)
    if isinstance(given, Mapping):
        return {key: anew(value, write) for key, value in given.items()}
    return type(given)(anew(one, write) for one in given)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_however_it_is_written(case: Case, data: st.DataObject) -> None:
    scale = None if case.verb in UNSCALED else data.draw(st.sampled_from([None, 0.5]), label="scale")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "plain").mkdir()

        def write(path: Path) -> Path:
            return data.draw(mixes, label=path.stem).write(path, folder, scale)

        inputs = anew(case.inputs(folder / "plain"), write)
        product, about = get(case.call(inputs, output=folder / "out.tif", dtype="float32"))
    missing = np.zeros(product.shape, bool) if about.nodata is None else product == about.nodata
    assert about.transform.e < 0 and not (missing | np.isnan(product)).any()
    physical = product * np.array(about.scales)[:, None, None]
    np.testing.assert_allclose(physical, plain(case.verb) * (scale or 1), rtol=2e-3)

"""Small gridded products of MODIS (HDF4) and VIIRS (HDF5): names, types, attributes and description of real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from affine import Affine

SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
CORNER = (0.0, 5559752.598333)  # the upper left one of the tile h18v04: 0 degrees east, 50 degrees north
PIXEL_1KM = 926.625433055833
REFLECTANCE = {"_FillValue": np.int16(-28672), "valid_range": np.array([-100, 16000], "int16"), "units": "reflectance"}
STATE = {"_FillValue": np.uint16(65535), "valid_range": np.array([0, 57335], "uint16"), "units": "bit field"}


@dataclass
class Array:
    """An array: its numbers and its attributes."""

    data: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Grid:
    """A grid: how many of its pixels are one of 1 km along a side, and its arrays by name."""

    name: str
    per_km: int
    arrays: Mapping[str, Array]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the arrays."""
        rows, cols = next(iter(self.arrays.values())).data.shape
        return rows, cols

    @property
    def transform(self) -> Affine:
        """Where it lies."""
        return Affine(PIXEL_1KM / self.per_km, 0, CORNER[0], 0, -PIXEL_1KM / self.per_km, CORNER[1])


def described(grids: Sequence[Grid], prefix: str = "", **instead: str) -> str:
    """The text of StructMetadata.0."""
    lines = ["GROUP=SwathStructure", "END_GROUP=SwathStructure", "GROUP=GridStructure"]
    for number, grid in enumerate(grids, 1):
        (rows, cols), size = grid.shape, PIXEL_1KM / grid.per_km
        values = {
            "GridName": f'"{grid.name}"', "XDim": cols, "YDim": rows,
            "UpperLeftPointMtrs": f"({CORNER[0]:.6f},{CORNER[1]:.6f})",
            "LowerRightMtrs": f"({CORNER[0] + cols * size:.6f},{CORNER[1] - rows * size:.6f})",
            "Projection": f"{prefix}GCTP_SNSOID", "ProjParams": "(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)",
            "SphereCode": -1, "GridOrigin": f"{prefix}HDFE_GD_UL",
        } | instead  # fmt: skip
        lines += [f"\tGROUP=GRID_{number}", *(f"\t\t{key}={value}" for key, value in values.items())]
        lines += ["\t\tGROUP=Dimension", "\t\tEND_GROUP=Dimension", "\t\tGROUP=DataField"]
        for at, name in enumerate(grid.arrays, 1):
            lines += [
                f"\t\t\tOBJECT=DataField_{at}", f'\t\t\t\tDataFieldName="{name}"', "\t\t\t\tDataType=DFNT_INT16",
                '\t\t\t\tDimList=("YDim","XDim")', f"\t\t\tEND_OBJECT=DataField_{at}",
            ]  # fmt: skip
        lines += ["\t\tEND_GROUP=DataField", f"\tEND_GROUP=GRID_{number}"]
    return "\n".join([*lines, "END_GROUP=GridStructure", "END", ""])


def write_hdf4(path: Path, grids: Sequence[Grid], structure: str | None = None) -> Path:
    """A file as MODIS products are."""
    from pyhdf.SD import SD, SDC

    kinds = {
        "int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16, "int32": SDC.INT32,
        "uint32": SDC.UINT32, "float32": SDC.FLOAT32, "float64": SDC.FLOAT64,
    }  # fmt: skip
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    file.attr("HDFEOSVersion").set(SDC.CHAR, "HDFEOS_V2.17")
    file.attr("StructMetadata.0").set(SDC.CHAR, described(grids) if structure is None else structure)
    for grid in grids:
        for name, array in grid.arrays.items():
            made = file.create(name, kinds[str(array.data.dtype)], array.data.shape)
            made.dim(0).setname(f"YDim:{grid.name}")
            made.dim(1).setname(f"XDim:{grid.name}")
            made.setcompress(SDC.COMP_DEFLATE, 4)
            for key, value in array.attributes.items():
                if isinstance(value, str):
                    made.attr(key).set(SDC.CHAR, value)
                else:
                    made.attr(key).set(kinds[str(np.asarray(value).dtype)], np.asarray(value).tolist())
            made[:] = array.data
            made.endaccess()
    file.end()
    return path


def write_hdf5(path: Path, grids: Sequence[Grid], structure: str | None = None) -> Path:
    """A file as VIIRS products are."""
    with h5py.File(path, "w") as file:
        text = described(grids, "HE5_") if structure is None else structure
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(text)
        for grid in grids:
            for name, array in grid.arrays.items():
                made = file.create_dataset(
                    f"HDFEOS/GRIDS/{grid.name}/Data Fields/{name}", data=array.data, compression="gzip"
                )
                for key, value in array.attributes.items():
                    made.attrs[key] = np.bytes_(value) if isinstance(value, str) else np.atleast_1d(value)
    return path


def mod09ga(
    path: Path, bands: np.ndarray, state: np.ndarray | None = None, scale: float = 10000.0
) -> Path:  # fmt: skip
    """Daily reflectance of MODIS: seven bands of 500 m, whose scale divides, and flags of 1 km."""
    half = tuple(-(-n // 2) for n in bands.shape[1:])
    flags = np.full(half, 8, "uint16") if state is None else state.astype("uint16")  # land without clouds
    attributes = REFLECTANCE | {"scale_factor": np.float64(scale), "add_offset": np.float64(0)}
    fine: dict[str, Array] = {
        f"sur_refl_b{at:02}_1": Array(band.astype("int16"), attributes) for at, band in enumerate(bands, 1)
    }
    angle = {
        "_FillValue": np.int16(-32767),
        "valid_range": np.array([0, 18000], "int16"),
        "scale_factor": np.float64(0.01),
    }
    coarse = {
        "num_observations_1km": Array(np.ones(half, "int8"), {"_FillValue": np.int8(-1)}),
        "state_1km_1": Array(flags, STATE),
        "SensorZenith_1": Array(np.full(half, 1234, "int16"), angle),
        "Range_1": Array(np.full(half, 30000, "uint16"), {"_FillValue": np.uint16(0), "scale_factor": np.float64(25)}),
    }
    number = Array(np.ones(bands.shape[1:], "int8"), {"_FillValue": np.int8(-1)})
    grids = [
        Grid("MODIS_Grid_1km_2D", 1, coarse),
        Grid("MODIS_Grid_500m_2D", 2, {"num_observations_500m": number, **fine}),
    ]
    return write_hdf4(path, grids)

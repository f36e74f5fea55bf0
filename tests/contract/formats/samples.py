"""One small image of every format, six bands of 48 x 40 pixels that lie nowhere."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from affine import Affine
from scipy.io import savemat

from tests.raster.conftest import put

SHAPE = (6, 48, 40)
NM = (450.0, 550.0, 650.0, 750.0, 850.0, 950.0)
MTL = """GROUP = LANDSAT_METADATA_FILE
  GROUP = IMAGE_ATTRIBUTES
    SPACECRAFT_ID = "LANDSAT_7"
    DATE_ACQUIRED = 2001-05-06
    SUN_ELEVATION = 90.0
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL1_RADIOMETRIC_RESCALING
{}  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING
END_GROUP = LANDSAT_METADATA_FILE
END
"""
EO1_MTL = """GROUP = L1_METADATA_FILE
  GROUP = METADATA_FILE_INFO
    PRODUCT_CREATION_TIME = 2010-02-03T04:05:06Z
  END_GROUP = METADATA_FILE_INFO
  GROUP = PRODUCT_METADATA
    PRODUCT_TYPE = "L1T"
    SPACECRAFT_ID = "EO1"
    SENSOR_ID = "ALI"
    ACQUISITION_DATE = 2003-01-01
  END_GROUP = PRODUCT_METADATA
  GROUP = RADIANCE_SCALING
{}  END_GROUP = RADIANCE_SCALING
END_GROUP = L1_METADATA_FILE
END
"""


@dataclass(frozen=True)
class Sample:
    """A path that a user would give, the numbers behind it in physical units, and how a folder lists it."""

    path: Path
    numbers: np.ndarray
    listed: Path
    wavelengths_nm: tuple[float | None, ...] = (None,) * 6


def numbers(bands: int = 6) -> np.ndarray:
    y, x = np.mgrid[0:48, 0:40]
    waves = [
        900 + 90 * band + 300 * np.sin(x / (3.0 + band)) * np.cos(y / 5.0) + 40 * ((x + y + band) % 3)
        for band in range(bands)
    ]
    return np.stack(waves).round().astype("int16")


def plain(path: Path, data: np.ndarray, **profile: object) -> Path:
    return put(path, data, crs=None, transform=Affine.identity(), **profile)


def gdal(folder: Path) -> Sample:
    path = plain(folder / "scene.tif", numbers())
    return Sample(path, numbers(), path)


def envi(folder: Path) -> Sample:
    data = plain(folder / "flight.dat", numbers(), driver="ENVI", photometric=None)
    header = data.with_suffix(".hdr")
    lines = [line for line in header.read_text().splitlines() if not line.startswith("map info")]
    more = [f"wavelength = {{{', '.join(map(str, NM))}}}", "wavelength units = Nanometers", "bbl = {1,1,1,1,0,1}"]
    header.write_text("\n".join([*lines, *more]) + "\n")
    return Sample(header, numbers(), data, NM)


def netcdf(folder: Path) -> Sample:
    path = folder / "cube.nc"
    with h5py.File(path, "w") as file:  # the layout of NetCDF 4: dimension scales
        for name, values in (("wavelength", NM), ("y", np.arange(48.0, 0, -1)), ("x", np.arange(40.0))):
            file[name] = np.asarray(values, float)
            file[name].make_scale(name)
        file["wavelength"].attrs["units"] = np.bytes_("nm")
        file["cube"] = numbers()[:, ::-1]  # which counts its rows from the bottom
        for axis, name in enumerate(("wavelength", "y", "x")):
            file["cube"].dims[axis].attach_scale(file[name])
    return Sample(path, numbers(), path, NM)


def matlab(folder: Path) -> Sample:
    path = folder / "m.mat"
    savemat(path, {"hsi": np.moveaxis(numbers(), 0, 2), "wavelengths": np.array(NM)[:, None]})
    return Sample(path, numbers(), path, NM)


def bare(folder: Path) -> Sample:
    path = folder / "surf_ref.bil"
    numbers().transpose(1, 0, 2).tofile(path)
    return Sample(path, numbers(), path)


def cave_folder(folder: Path) -> Sample:
    place = folder / "toys_ms" / "toys_ms"
    place.mkdir(parents=True)
    data = numbers(31).astype("uint16")
    for band in range(31):
        plain(place / f"toys_ms_{band + 1:02}.png", data[band : band + 1], driver="PNG")
    return Sample(place.parent, data, place, tuple(400.0 + 10 * band for band in range(31)))


def landsat_folder(folder: Path) -> Sample:
    place = folder / "LE07_scene"
    place.mkdir()
    lines = []
    for band, image in zip("123457", numbers(), strict=True):
        plain(place / f"LE07_B{band}.TIF", image[None].astype("uint16"))
        lines += [f"    REFLECTANCE_MULT_BAND_{band} = 1.0E-4\n", f"    REFLECTANCE_ADD_BAND_{band} = 0.0\n"]
    (place / "LE07_MTL.txt").write_text(MTL.format("".join(lines)))
    return Sample(place, numbers() * 1e-4, place)


def archive(folder: Path) -> Sample:
    packed = folder / "packed"
    packed.mkdir()
    made = landsat_folder(packed)
    path = folder / "LE07_packed.tar"
    with tarfile.open(path, "w") as file:
        file.add(made.path, "./LE07_scene")
    shutil.rmtree(packed)
    return Sample(path, made.numbers, path)


def sentinel2_folder(folder: Path) -> Sample:
    place = folder / "S2A_scene"
    place.mkdir()
    for band, image in zip(("02", "03", "04", "08"), numbers(), strict=False):
        plain(place / f"T31UFT_20200308T105021_B{band}.tif", image[None].astype("uint16"))
    return Sample(place, numbers()[:4], place, (None,) * 4)


def eo1(folder: Path) -> Sample:
    """ALI, with its PAN of a third of the pixel size beside."""
    place, name = folder / "EO1A1910262003001110PZ_1T", "EO1A1910262003001110PZ"
    place.mkdir()
    scales = (0.024, 0.045, 0.043, 0.028, 0.018, 0.011, 0.0091, 0.0083, 0.0028, 0.0009)
    lines = [
        f"    BAND{at}_SCALING_FACTOR = {scale}\n    BAND{at}_OFFSET = -0.5\n" for at, scale in enumerate(scales, 1)
    ]
    (place / f"{name}_MTL_L1T.TXT").write_text(EO1_MTL.format("".join(lines)))
    plain(place / f"{name}_B01_L1T.TIF", np.full((1, 144, 120), 2000, "int16"))
    data = numbers(9)
    for band, image in enumerate(data, 2):
        plain(place / f"{name}_B{band:02}_L1T.TIF", image[None])
    centres = (443.0, 482.5, 565.0, 660.0, 790.0, 867.5, 1250.0, 1650.0, 2215.0)
    return Sample(place, data * np.array(scales[1:])[:, None, None] - 0.5, place, centres)


SAMPLES: dict[str, Callable[[Path], Sample]] = {
    "gdal": gdal, "envi": envi, "netcdf": netcdf, "matlab": matlab, "bare": bare, "cave_folder": cave_folder,
    "landsat_folder": landsat_folder, "archive": archive, "sentinel2_folder": sentinel2_folder,
    "eo1": eo1,
}  # fmt: skip

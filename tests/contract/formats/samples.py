"""One small image of every format, six bands of 48 x 40 pixels; they lie nowhere but where a format always says."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest
from affine import Affine
from scipy.io import savemat

from earthloom.raster.scenes.cube import finer
from earthloom.raster.write.zarr import create_zarr
from earthloom.types import Window
from tests.raster.conftest import put
from tests.raster.emit_granule import GRID, emit_granule, turned
from tests.raster.eos_files import CORNER, PIXEL_1KM, SINUSOIDAL, mod09ga
from tests.raster.prisma_files import write_prisma

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
    """A path that a user would give, the numbers behind it in physical units, how a folder lists it, and its place."""

    path: Path
    numbers: np.ndarray
    listed: Path
    wavelengths_nm: tuple[float | None, ...] = (None,) * 6
    crs: str | None = None
    transform: Affine = field(default_factory=Affine.identity)

    def companion(self, path: Path, data: np.ndarray, ratio: int = 1) -> Path:
        """Another image of the same place, in pixels so many times as small."""
        own = self.transform if self.crs is None else finer(self.transform, ratio)
        return put(path, data, crs=self.crs, transform=own)


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


def emit(folder: Path) -> Sample:
    place = folder / "granule"
    place.mkdir()
    path = place / "EMIT_L2A_RFL_001_20220903T163129_2224611_012.nc"
    emit_granule(path, *turned(numbers() * 1e-4), wavelengths=NM)
    return Sample(path, numbers() * 1e-4, path, NM, "EPSG:4326", GRID)


def planetscope(folder: Path) -> Sample:
    item, coefficients = "20220301_103456_12_2414", [2.3e-5 + 1e-6 * band for band in range(8)]
    place = folder / item
    place.mkdir()
    plain(place / f"{item}_3B_AnalyticMS_8b.tif", numbers(8).astype("uint16"), nodata=0)
    bands = "".join(
        f"<ps:bandSpecificMetadata><ps:bandNumber>{number}</ps:bandNumber>"
        "<ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>"
        f"<ps:reflectanceCoefficient>{one}</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"
        for number, one in enumerate(coefficients, 1)
    )
    schema = "http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level"
    (place / f"{item}_3B_AnalyticMS_8b_metadata.xml").write_text(
        f'<ps:EarthObservation xmlns:ps="{schema}">{bands}</ps:EarthObservation>'
    )
    centres = (443.0, 490.0, 531.0, 565.0, 610.0, 665.0, 705.0, 865.0)
    return Sample(place, numbers(8) * np.array(coefficients)[:, None, None], place, centres)


def level_2a(folder: Path, name: str, xml: str, numbers_: np.ndarray, ending: str = "TIF") -> Path:
    """A product of DLR: numbers and what describes them, named alike."""
    place = folder / name
    place.mkdir()
    plain(place / f"{name}-SPECTRAL_IMAGE.{ending}", numbers_, nodata=-32768)
    (place / f"{name}-METADATA.{'XML' if ending.isupper() else 'xml'}").write_text(xml)
    return place


def enmap(folder: Path) -> Sample:
    bands = "".join(
        f'<bandID number="{at}"><wavelengthCenterOfBand>{nm}</wavelengthCenterOfBand><FWHMOfBand>7.0</FWHMOfBand>'
        "<GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID>"
        for at, nm in enumerate(NM, 1)
    )
    xml = (
        "<level_X><base><temporalCoverage><startTime>2022-06-27T10:48:45.000000Z</startTime></temporalCoverage></base>"
        f"<specific><backgroundValue>-32768</backgroundValue><bandCharacterisation>{bands}</bandCharacterisation>"
        "</specific></level_X>"
    )
    name = "ENMAP01-____L2A-DT0000001280_20220627T104548Z_001_V010400_20231124T152718Z"
    place = level_2a(folder, name, xml, numbers())
    return Sample(place, numbers() * 1e-4, place, NM)


def desis(folder: Path) -> Sample:
    bands = "".join(
        f"<band><bandNumber>{at}</bandNumber><wavelengthCenterOfBand>{nm}</wavelengthCenterOfBand>"
        "<wavelengthWidthOfBand>3.5</wavelengthWidthOfBand><gainOfBand>0.0001</gainOfBand>"
        "<offsetOfBand>0</offsetOfBand></band>"
        for at, nm in enumerate(NM, 1)
    )
    xml = (
        "<hsi_doc><base><temporalCoverage><startTime>2019-11-01T02:11:28.000Z</startTime></temporalCoverage></base>"
        f"<specific><backgroundValue>-32768</backgroundValue><bandCharacterisation>{bands}</bandCharacterisation>"
        "</specific></hsi_doc>"
    )
    place = level_2a(folder, "DESIS-HSI-L2A-DT0366123456_001-20191101T021128-V0210", xml, numbers(), "tif")
    return Sample(place, numbers() * 1e-4, place, NM)


def prisma(folder: Path) -> Sample:
    data, steps = numbers(), np.array([2e-5] * 4 + [1e-5] * 2)[:, None, None]
    path = write_prisma(folder, "L2C", data[:4], data[4:], (list(NM[:4]), list(NM[4:])))
    return Sample(path, data * steps, path, NM)


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


def modis(folder: Path) -> Sample:
    place = folder / "tiles"
    place.mkdir()
    path = mod09ga(place / "MOD09GA.A2020061.h18v04.061.2020063030943.hdf", numbers(7))
    centres = (645.0, 858.5, 469.0, 555.0, 1240.0, 1640.0, 2130.0)
    grid = Affine(PIXEL_1KM / 2, 0, CORNER[0], 0, -PIXEL_1KM / 2, CORNER[1])
    return Sample(path, numbers(7) * 1e-4, path, centres, SINUSOIDAL, grid)


def zarr(folder: Path) -> Sample:
    """A store as products are written; it lies nowhere."""
    pytest.importorskip("zarr")
    data, place = numbers(), folder / "x.zarr"
    with create_zarr(place, shape=data.shape[1:], count=len(data), dtype="int16", nodata=-9) as writer:
        writer.put(Window(0, 0, *data.shape[1:]), data)
    return Sample(place, data, place)


SAMPLES: dict[str, Callable[[Path], Sample]] = {
    "gdal": gdal, "envi": envi, "netcdf": netcdf, "matlab": matlab, "bare": bare, "cave_folder": cave_folder,
    "landsat_folder": landsat_folder, "archive": archive, "sentinel2_folder": sentinel2_folder,
    "emit": emit,
    "planetscope": planetscope,
    "enmap": enmap, "desis": desis,
    "prisma": prisma,
    "eo1": eo1,
    "modis": modis, "zarr": zarr,
}  # fmt: skip

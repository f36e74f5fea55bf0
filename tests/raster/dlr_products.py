"""EnMAP and DESIS as DLR delivers them: made products with the names, elements and codes of real ones."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
from affine import Affine

from .conftest import grid, put

L2A = "ENMAP01-____L2A-DT0000001280_20220627T104548Z_001_V010400_20231124T152718Z"
L1C, L1B = L2A.replace("L2A", "L1C"), L2A.replace("L2A", "L1B")
DESIS = "DESIS-HSI-L2A-DT0366123456_001-20191101T021128-V0210"
NM = (488.0, 550.0, 904.0, 902.0, 1390.0, 1650.0)  # as numbered: the last VNIR band lies beyond the first SWIR band
GAIN = (6.0e-6, 7.0e-6, 5.0e-6, 5.5e-6, 2.0e-6, 1.5e-6)  # W m-2 sr-1 nm-1
OFFSET = (0.02, 0.01, 0.005, 0.004, 0.001, 0.0005)
PLACE = grid(30)


def cube(bands: int = 6) -> np.ndarray:
    """Numbers that tell where they are from: 1000 b + 10 y + x."""
    b, y, x = np.mgrid[1 : bands + 1, :8, :6]
    return (1000 * b + 10 * y + x).astype("int16")


def enmap_xml(
    gain: tuple[float, ...], offset: tuple[float, ...], *, code: str | None = "-32768", nm: tuple[float, ...] = NM,
    empty: tuple[int, ...] = (), channels: str = "", vnir: str = "1,2,3", swir: str = "4,5,6",
) -> str:  # fmt: skip
    """The elements that are read, where the delivered metadata have them."""
    bands = "".join(
        f'<bandID number="{at}"><wavelengthCenterOfBand>{nm[at - 1]}</wavelengthCenterOfBand>'
        f"<FWHMOfBand>6.9</FWHMOfBand><GainOfBand>{gain[at - 1]}</GainOfBand>"
        f"<OffsetOfBand>{offset[at - 1]}</OffsetOfBand></bandID>"
        for at in range(1, len(nm) + 1)
    )
    statistics = "".join(
        f'<bandID number="{at}"><mean>{-1000000 if at in empty else 0.2}</mean>'
        f"<stdDeviation>{0 if at in empty else 0.1}</stdDeviation></bandID>"
        for at in range(1, len(nm) + 1)
    )
    background = "" if code is None else f"<backgroundValue>{code}</backgroundValue>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<level_X><metadata><schema><processingLevel>L2A</processingLevel>'
        "</schema></metadata><base><temporalCoverage><startTime>2022-06-27T10:48:45.123456Z</startTime>"
        f"</temporalCoverage></base><specific>{background}<vnirProductQuality><expectedChannelsList>{vnir}"
        f"</expectedChannelsList></vnirProductQuality><swirProductQuality><expectedChannelsList>{swir}"
        f"</expectedChannelsList></swirProductQuality><bandCharacterisation>{bands}</bandCharacterisation></specific>"
        f"<product>{channels}<bandStatistics>{statistics}</bandStatistics></product></level_X>"
    )


def layer(path: Path, values: dict[tuple[int, int], int], background: int = 0) -> None:
    numbers = np.full((1, 8, 6), background, "uint8")
    for at, value in values.items():
        numbers[(0, *at)] = value
    put(path, numbers, transform=PLACE)


def l2a(folder: Path, numbers: np.ndarray | None = None, cog: str = "", **more: object) -> Path:
    """Level 2A with its quality layers; the pixel at the origin is outside the swath."""
    place = folder / L2A
    place.mkdir(parents=True)
    numbers = cube() if numbers is None else numbers
    numbers[:, 0, 0] = -32768
    put(place / f"{L2A}-SPECTRAL_IMAGE{cog}.TIF", numbers, transform=PLACE, nodata=-32768)
    told = {"gain": (1e-4,) * len(numbers), "offset": (0.0,) * len(numbers), **more}
    (place / f"{L2A}-METADATA.XML").write_text(enmap_xml(**told))  # type: ignore[arg-type]
    layer(place / f"{L2A}-QL_QUALITY_CLASSES{cog}.TIF", {(0, 0): 3, (7, 5): 2}, background=1)
    layer(place / f"{L2A}-QL_QUALITY_CLOUD{cog}.TIF", {(1, 1): 1})
    layer(place / f"{L2A}-QL_QUALITY_CLOUDSHADOW{cog}.TIF", {(2, 2): 1})
    layer(place / f"{L2A}-QL_QUALITY_CIRRUS{cog}.TIF", {(3, 3): 1, (3, 4): 3})
    for part in ("HAZE", "SNOW", "TESTFLAGS"):
        layer(place / f"{L2A}-QL_QUALITY_{part}{cog}.TIF", {(4, 4): 1})
    put(place / f"{L2A}-QL_PIXELMASK{cog}.TIF", np.zeros((len(numbers), 8, 6), "uint8"), transform=PLACE)
    return place


def l1b(folder: Path, channels: bool = True) -> Path:
    """Level 1B: a file for each detector, with the geotransform of its corners that tells no place."""
    place = folder / L1B
    place.mkdir(parents=True)
    corners = Affine(0.0004, 0, 11.0, 0, -0.0003, 48.0)
    for part, numbers in (("VNIR", cube()[:3]), ("SWIR", cube()[3:])):
        put(place / f"{L1B}-SPECTRAL_IMAGE_{part}.TIF", numbers, crs="EPSG:4326", transform=corners)
    told = "<image><vnir><channels>3</channels></vnir><swir><channels>3</channels></swir></image>" if channels else ""
    (place / f"{L1B}-METADATA.XML").write_text(enmap_xml(GAIN, OFFSET, code="0", channels=told))
    layer(place / f"{L1B}-QL_QUALITY_CLOUD.TIF", {(1, 1): 1})
    return place


def desis(folder: Path, name: str = DESIS, gain: float = 1e-4, offset: float = 0.0) -> Path:
    """DESIS, bands written in an order of their own."""
    place = folder / name
    place.mkdir(parents=True)
    numbers = cube(3)
    numbers[:, 7, 0] = -32768
    put(place / f"{name}-SPECTRAL_IMAGE.tif", numbers, transform=PLACE)
    bands = "".join(
        f"<band><bandNumber>{at}</bandNumber><wavelengthCenterOfBand>{nm}</wavelengthCenterOfBand>"
        f"<wavelengthWidthOfBand>3.4</wavelengthWidthOfBand><gainOfBand>{gain}</gainOfBand>"
        f"<offsetOfBand>{offset}</offsetOfBand></band>"
        for at, nm in ((2, 404.4), (1, 401.9), (3, 407.0))
    )
    camera = "<interiorOrientation><band><bandNumber>1</bandNumber></band></interiorOrientation>"
    (place / f"{name}-METADATA.xml").write_text(
        "<hsi_doc><base><temporalCoverage><startTime>2019-11-01T02:11:28.000Z</startTime></temporalCoverage></base>"
        "<specific><backgroundValue>-32768</backgroundValue>"
        f"<bandCharacterisation>{bands}</bandCharacterisation>{camera}</specific></hsi_doc>"
    )
    flags = np.zeros((10, 8, 6), "uint8")
    for band in range(10):  # shadow, land, snow, haze and cloud over land and water, water, aerosol, vapour
        flags[band, 1, min(band, 5)] = 1
    flags[6, 2, 0], flags[8:] = 1, 20
    put(place / f"{name}-QL_QUALITY-2.tif", flags, transform=PLACE)
    put(place / f"{name}-QL_QUALITY.tif", np.zeros((3, 8, 6), "uint8"), transform=PLACE)
    (place / f"{name}-SPECTRAL_IMAGE.hdr").write_text("ENVI\nsamples = 6\nlines = 8\nbands = 3\n")
    (place / f"{name}-HISTORY.xml").write_text("<history/>")
    return place


def zipped(place: Path, path: Path, inner: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(place.iterdir()):
            archive.write(file, f"{inner}{place.name}/{file.name}")
    return path


def tarred(place: Path, path: Path, inner: str = "") -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:  # long names of PAX are not read by GDAL
        archive.add(place, f"{inner}{place.name}")
    return path


def one_line(error: BaseException) -> bool:
    return "\n" not in str(error) and len(str(error)) < 1200

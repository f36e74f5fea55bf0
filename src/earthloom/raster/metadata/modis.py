"""Gridded products of MODIS and VIIRS: names, which arrays are the image, and what their quality bands say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from earthloom.raster.metadata.bits import BitField, BitFields

NAME = re.compile(
    r"^(?P<product>(?:M[OYC]D|VNP|VJ[12])\d{2}\w*)\.A(?P<year>\d{4})(?P<day>\d{3})\."
    r"(?P<rest>(?:.+\.)?)(?:hdf|h5)$",
    re.IGNORECASE,
)
SEVERAL_SIZES = re.compile(r"(?:VNP|VJ[12])09GA", re.IGNORECASE)  # products with reflectance of two pixel sizes
TILE = re.compile(r"(?:^|\.)(h\d{2}v\d{2})\.(?:(\d{3})\.)?", re.IGNORECASE)
ADDRESS = (  # what GDAL calls an array of such a file
    re.compile(r'^HDF4_EOS:EOS_GRID:"?(?P<file>[^"]+?)"?:(?P<grid>[^:"]+):"?(?P<array>[^:"]+)"?$', re.IGNORECASE),
    re.compile(
        r'^HDF5:"?(?P<file>[^"]+?)"?://HDFEOS/GRIDS/(?P<grid>[^/]+)/Data_Fields/(?P<array>[^/]+)$', re.IGNORECASE
    ),
)
BAND = re.compile(
    r"^(?:sur_refl_b0?(?P<modis>\d+)|Nadir_Reflectance_Band(?P<nadir>\d+)"
    r"|(?:SurfReflect|Nadir_Reflectance)_(?P<viirs>[IM]\d+))(?:_1)?$",
    re.IGNORECASE,
)
CENTRES_NM = {  # of the ranges in which the bands were specified; those of the responses differ by up to 16 nm
    "B1": 645.0, "B2": 858.5, "B3": 469.0, "B4": 555.0, "B5": 1240.0, "B6": 1640.0, "B7": 2130.0,
    "M1": 412.0, "M2": 445.0, "M3": 488.0, "M4": 555.0, "M5": 672.0, "M7": 865.0, "M8": 1240.0, "M10": 1610.0,
    "M11": 2250.0, "I1": 640.0, "I2": 865.0, "I3": 1610.0,
}  # fmt: skip
REFLECTANCE_SCALE = 1e-4  # of every product, where a file does not say it
DIVISOR = 100  # a scale from here on divides: 10000 is how some products write 1/10000


@dataclass(frozen=True)
class Quality:
    """Arrays that say where nothing is seen.

    Parameters
    ----------
    arrays
        What they are called.
    fields
        Of their bits.
    fill
        Whether their code of fill is that; it is not where it is a good pixel as well.
    note
        What a user should know.
    """

    arrays: re.Pattern[str]
    fields: tuple[BitField, ...]
    fill: bool = True
    note: str = ""

    def meaning(self, code: float | None) -> BitFields:
        """Of the numbers of an array with this code of fill."""
        return BitFields(self.fields, code if self.fill else None)


@dataclass(frozen=True)
class Family:
    """Products that are alike.

    Parameters
    ----------
    product
        What they are called.
    image
        What the arrays of the image are called.
    quantity, unit
        What these hold.
    quality
        Arrays that say where nothing is seen; the first set that a file holds counts, all sets of one tuple together.
    """

    product: re.Pattern[str]
    image: re.Pattern[str]
    quantity: str
    unit: str
    quality: tuple[tuple[Quality, ...], ...]


def _named(pattern: str) -> re.Pattern[str]:
    """A whole name."""
    return re.compile(f"^(?:{pattern})$", re.IGNORECASE)


_STATE = Quality(  # cloudy or mixed; shadow; average or high cirrus; the algorithm's own clouds
    _named(r"state_1km(_1)?|sur_refl_state_(250|500)m|SurfReflect_State(_500m|_1km)?"),
    (BitField(0, 2, (1, 2)), BitField(2, 1), BitField(8, 2, (2, 3)), BitField(10, 1)),
)
_FLAGS_1 = Quality(_named(r"SurfReflect_QF1(_1)?"), (BitField(2, 2, (2, 3)),))  # probably or surely cloudy
_FLAGS_2 = Quality(_named(r"SurfReflect_QF2(_1)?"), (BitField(3, 1), BitField(6, 1), BitField(7, 1)))
_NOT_MADE = BitField(0, 2, (2, 3))  # because of clouds, or for another reason
_QUALITY_250M = Quality(
    _named(r"QC_250m(_1)?"),
    (_NOT_MADE,),
    note="it tells where no reflectance was made, not where clouds are: the 09GA file of the day is the better mask",
)
_INVERSION = Quality(_named(r"BRDF_Albedo_Band_Mandatory_Quality_(Band\d|[IM]\d+)"), (BitField(0, 8, (255,)),))
_TEMPERATURE = Quality(_named(r"QC(_Day)?"), (_NOT_MADE,), fill=False)
_RELIABILITY = Quality(_named(r".+ pixel reliability"), (BitField(0, 8, (3,)),))

_MODIS, _BOTH = "M[OY]D", "(M[OY]D|VNP|VJ[12])"
FAMILIES = (
    Family(
        _named(f"{_BOTH}09(GA|GQ|A1|Q1|H1)N?"), BAND, "reflectance", "1",
        ((_STATE,), (_FLAGS_1, _FLAGS_2), (_QUALITY_250M,)),
    ),
    Family(_named("MCD43A4N?|(VNP|VJ[12])43[MI]A4N?"), BAND, "reflectance", "1", ((_INVERSION,),)),
    Family(
        _named(f"{_MODIS}11A[12]|{_BOTH}21A(1[DN]|2)"), _named("LST_(Day_)?1km"), "temperature", "K",
        ((_TEMPERATURE,),),
    ),
    Family(_named(f"{_MODIS}13(Q1|A[123])N?"), _named(".+ (NDVI|EVI)"), "index", "1", ((_RELIABILITY,),)),
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """What the name of a file says.

    Parameters
    ----------
    product
        Such as MOD09GA, in capital letters.
    family
        None for products of no known one.
    acquired
        Day; the first one of several.
    tile, collection
        ``""`` where it has none.
    """

    product: str
    family: Family | None
    acquired: date | None
    tile: str
    collection: str

    @property
    def sensor(self) -> str:
        """The instrument."""
        return "modis" if self.product.startswith("M") else "viirs"

    @property
    def tags(self) -> dict[str, str]:
        """What it says in words."""
        every = {"product": self.product, "collection": self.collection, "tile": self.tile}
        return {name: text for name, text in every.items() if text}


def named(name: str) -> Named | None:
    """What a name says; None if it is not one of these."""
    found = NAME.match(name)
    if found is None:
        return None
    first, days = int(found["year"]), int(found["day"])
    tile = TILE.search(found["rest"])
    try:
        day = date(first, 1, 1) + timedelta(days - 1)
    except ValueError:
        day = None
    return Named(
        product=found["product"].upper(),
        family=next((one for one in FAMILIES if one.product.match(found["product"])), None) if tile else None,
        acquired=day if day is not None and day.year == first else None,
        tile=tile[1].lower() if tile else "",
        collection=(tile[2] or "") if tile else "",
    )


def short_name(array: str) -> str:
    """What a band is called by its sensor (``B1``, ``I2``); other arrays keep their names."""
    found = BAND.match(array)
    if found is None:
        return array
    number = found["modis"] or found["nadir"]
    return f"B{int(number)}" if number else found["viirs"].upper()


def plain(name: str) -> str:
    """A name however it was written: GDAL puts underscores for spaces."""
    return "_".join(name.split()).lower()

"""Folders of dates: which images there are, which dates are learnt from, and the triples of CIA and LGC.

A folder holds fine and coarse images with their dates in their names, in subfolders (``fine/ coarse/``, ``landsat/
modis/``) or told apart by how their names begin (``L_2016_220.tif``, ``MOD09_2016_220.tif``). Several files of one
date are its bands. ``NAME_mask`` beside an image is 0 where it is clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from earthloom.errors import FileError, InputError
from earthloom.raster.formats import is_image
from earthloom.raster.listing.days import date_in, parse_date

FINE = re.compile(r"^(fine|landsat|sentinel-?2|l[cetm]?\d|l_|l$|s2|high)", re.I)
COARSE = re.compile(r"^(coarse|modis|olci|viirs|m[oyc]d|m_|m\d|m$|low)", re.I)
NO_IMAGE = re.compile(r"classif|land_?cover|quality|cloud_?mask|_qa|dem$", re.I)
NUMBERED = re.compile(r"^date_?(\d+)", re.I)  # date1_B02.tif: dates by number
RATIO = 16  # of simulated coarse images
CIA, LGC = "CIA", "LGC"
_TRAIN_CIA = """2001-10-08 2001-10-17 2001-12-04, 2001-10-08 2001-12-04 2002-01-05, 2001-10-17 2001-12-04 2002-01-12,
2001-12-04 2002-01-05 2002-01-12, 2001-12-04 2002-01-12 2002-02-13, 2002-01-05 2002-01-12 2002-02-13,
2002-01-05 2002-02-13 2002-04-02, 2002-01-12 2002-02-13 2002-04-02, 2002-02-22 2002-04-02 2002-05-04"""
_VAL_CIA = """2001-11-02 2001-11-09 2001-11-25, 2002-02-22 2002-03-10 2002-03-17, 2002-02-22 2002-03-17 2002-04-18,
2002-04-11 2002-04-18 2002-04-27"""
_TRAIN_LGC = """2004-04-16 2004-05-02 2004-07-05, 2004-05-02 2004-07-05 2004-08-22, 2004-07-05 2004-08-06 2004-08-22,
2004-08-22 2004-10-25 2004-11-26, 2004-10-25 2004-11-26 2004-12-12, 2005-02-14 2005-03-02 2005-04-03"""
_VAL_LGC = "2004-12-28 2005-01-13 2005-01-29"
Triple = tuple[date, date, date]


def triples_of(text: str) -> list[Triple]:
    """Triples of dates, known, wanted, known, from text."""
    found = []
    for group in text.replace("\n", " ").split(","):
        days = [parse_date(word) for word in group.split()]
        if len(days) != 3:
            raise InputError(f"the dates '{group.strip()}'", "three: known, wanted, known")
        found.append((days[0], days[1], days[2]))
    return found


SPLITS: Mapping[str, Mapping[str, list[Triple]]] = {  # those of a public code for these data sets
    CIA: {"train": triples_of(_TRAIN_CIA), "val": triples_of(_VAL_CIA)},
    LGC: {"train": triples_of(_TRAIN_LGC), "val": triples_of(_VAL_LGC)},
}


@dataclass(frozen=True)
class Series:
    """Fine and coarse images of one place: date to files; ``masks`` of the fine ones; ``choice`` of triples.

    ``coarse_bands`` is the band of a coarse file, from 1, that is of a date, where one file holds many dates.
    """

    name: str
    fine: Mapping[date, tuple[str, ...]]
    coarse: Mapping[date, tuple[str, ...]]
    masks: Mapping[date, str] = field(default_factory=dict)
    choice: str = ""
    coarse_bands: Mapping[date, int] = field(default_factory=dict)

    @property
    def both(self) -> list[date]:
        """Dates that can be known or wanted."""
        return sorted(day for day in self.fine if not self.coarse or day in self.coarse)

    def triples(self) -> list[tuple[date, ...]]:
        """Known dates and, in their middle (of two: the last), the wanted one.

        Raises
        ------
        InputError
            If fewer than two dates have both images, or a triple was asked for whose dates are not there.
        """
        days = self.both
        if len(days) < 2:
            raise InputError(
                f"{self.name} holds {len(days)} date(s) with a fine and a coarse image", "at least two",
                f"dates of fine images: {_days(self.fine)}; of coarse ones: {_days(self.coarse)}",
            )  # fmt: skip
        if self.choice in ("train", "val"):
            known = [split[self.choice] for split in SPLITS.values()]
            found = max(([t for t in one if set(t) <= set(days)] for one in known), key=len)
            if not found:
                raise InputError(
                    f"{self.name} holds none of the triples of '{self.choice}'", "the dates of CIA or LGC",
                    f"its dates are {_days(self.fine)}",
                )  # fmt: skip
            return list(found)
        if self.choice and ":" not in self.choice:
            chosen = triples_of(self.choice.replace("/", " "))
            missing = [day for triple in chosen for day in triple if day not in days]
            if missing:
                raise InputError(f"{self.name} without {missing[0]}", f"one of {_days(dict.fromkeys(days))}")
            return list(chosen)
        if len(days) == 2:
            return [(days[0], days[1]), (days[1], days[0])]
        return [(days[at - 1], days[at], days[at + 1]) for at in range(1, len(days) - 1)]

    @property
    def ratio(self) -> int:
        """Of simulated coarse images."""
        return int(self.choice.partition(":")[0]) if re.fullmatch(r"\d+:1", self.choice) else RATIO


def _days(found: Mapping[date, object]) -> str:
    return ", ".join(str(day) for day in sorted(found)) or "none"


def series_in(item: str) -> Series:
    """The series of a folder, and the choice behind ``@``.

    Raises
    ------
    FileError
        If it is no folder, or holds no images with dates.
    """
    name, _, choice = item.rpartition("@") if "@" in item and not Path(item).is_dir() else (item, "", "")
    folder = Path(name)
    if not folder.is_dir():
        raise FileError(f"{folder} is no folder", "a folder of fine and coarse images with dates in their names")
    fine: dict[date, list[str]] = {}
    coarse: dict[date, list[str]] = {}
    masks: dict[date, str] = {}
    for file in sorted(path for path in folder.rglob("*") if _of_a_date(path)):
        day = _day_of(file, folder)
        if day is None:
            continue
        if file.stem.endswith("_mask"):
            masks[day] = str(file)
        elif _is_coarse(file, folder):
            coarse.setdefault(day, []).append(str(file))
        else:
            fine.setdefault(day, []).append(str(file))
    if not fine:
        raise FileError(
            f"{folder} holds no images with dates in their names",
            "fine/ and coarse/ (or landsat/ and modis/) with names such as 2016-08-07.tif",
        )
    kept = [{day: tuple(files) for day, files in found.items()} for found in (fine, coarse)]
    return Series(folder.name, kept[0], kept[1], masks, choice)


def _of_a_date(path: Path) -> bool:
    """A file that is an image, and by its name no classification and the like."""
    return path.is_file() and not NO_IMAGE.search(path.stem) and is_image(path)


def _day_of(file: Path, folder: Path) -> date | None:
    """In the name of the file, or of the folder that it is in; ``date3_...`` counts days from the year 2000."""
    for part in (file.name, *(parent.name for parent in file.parents if folder in (parent, *parent.parents))):
        numbered = NUMBERED.match(part)
        if numbered is not None:
            return date(2000, 1, 1 + int(numbered[1]) % 28)
        day = date_in(part)
        if day is not None:
            return day
    return None


def _is_coarse(file: Path, folder: Path) -> bool:
    """By the names of the folders between, else of the file itself."""
    for part in (*(parent.name for parent in file.parents if folder in parent.parents), file.stem):
        if COARSE.match(part):
            return True
        if FINE.match(part):
            return False
    return False

"""Days: as the user writes them, and as they stand in the names of files."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.errors import InputError

FORMS = "a day such as 2020-03-08, 20200308 or 2020068 (year and day of the year)"
FIRST_YEAR, LAST_YEAR = 1950, 2149  # digits beyond are no year
_WHOLE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})|(\d{4})-?(\d{3})")
_IN_NAMES = (
    re.compile(r"L[A-Z]\d\d{6}(\d{4})(\d{3})"),  # Landsat scenes before Collection 1: path, row, year, day
    re.compile(r"(?<!\d)(\d{4})[-_.](\d{2})[-_.](\d{2})(?!\d)"),
    re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)"),
    re.compile(r"(?<!\d)(\d{4})[-_.]?(\d{3})(?!\d)"),
)


def parse_date(value: Any) -> date:
    """A day from text, a date, a datetime or a numpy datetime.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, np.datetime64):
        return parse_date(value.astype("datetime64[D]").astype(object))
    found = _WHOLE.fullmatch(str(value).strip().partition("T")[0])
    day = None if found is None else _day([group for group in found.groups() if group is not None])
    if day is None:
        raise InputError(f"the date '{value}'", FORMS)
    return day


def date_in(name: str | Path, pattern: str | None = None) -> date | None:
    """The day in the name of a file: the first one that is spelt out, else the first year with a day of the year.

    ``LC08_L2SP_191028_20200308_20200822_02_T1`` is of 2020-03-08, ``MOD09GA.A2020068.h18v04`` too, and so are
    ``2020-03-08.tif`` and ``LC81910282020068LGN00``.

    Parameters
    ----------
    pattern
        A regular expression that says where it stands instead: its groups are year, month and day, or year and day
        of the year, or one group holds the whole; in another order when they are named ``year, month, day``.

    Raises
    ------
    InputError
        For a pattern that is none, or has no group.
    """
    text = Path(name).name
    if pattern is not None:
        return _by_pattern(text, pattern)
    for form in _IN_NAMES:
        for found in form.finditer(text):
            if (day := _day(list(found.groups()))) is not None:
                return day
    return None


def _by_pattern(text: str, pattern: str) -> date | None:
    """The day where a pattern says."""
    try:
        form = re.compile(pattern)
    except re.error as error:
        raise InputError(f"the pattern '{pattern}' ({error})", "a regular expression") from error
    if not 1 <= form.groups <= 3:
        raise InputError(
            f"the pattern '{pattern}' with {form.groups} groups", "year, month and day; year and day; or one group",
            r"for example '(\d{4})(\d{3})'",
        )  # fmt: skip
    found = form.search(text)
    if found is None or any(group is None for group in found.groups()):
        return None
    groups = list(found.groups())
    if set(form.groupindex) == {"year", "month", "day"}:
        groups = [found["year"], found["month"], found["day"]]
    if len(groups) == 1:
        whole = _WHOLE.fullmatch(groups[0])
        return None if whole is None else _day([group for group in whole.groups() if group is not None])
    return _day(groups) if all(group.isdigit() for group in groups) else None


def _day(parts: list[str]) -> date | None:
    """The day of year, month, day, or of year and day of the year; None where there is no such day."""
    numbers = [int(part) for part in parts]
    if not FIRST_YEAR <= numbers[0] <= LAST_YEAR:
        return None
    try:
        if len(numbers) == 3:
            return date(numbers[0], numbers[1], numbers[2])
    except ValueError:
        return None
    day = date(numbers[0], 1, 1) + timedelta(numbers[1] - 1)
    return day if day.year == numbers[0] else None

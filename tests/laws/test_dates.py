"""Days in names and as written, and which known dates a day is predicted from."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthloom.errors import EarthloomWarning, InputError
from earthloom.prepare.spatiotemporal.calendar import asked, calendar, choices
from earthloom.prepare.spatiotemporal.known import Known, both_days, by_time
from earthloom.raster.listing.days import date_in, parse_date

DAY = date(2020, 3, 8)
DAYS = st.dates(date(1990, 1, 1), date(2040, 1, 1))


@pytest.mark.parametrize(
    "name",
    [
        "LC08_L2SP_191028_20200308_20200822_02_T1_SR_B4.TIF", "MOD09GA.A2020068.h18v04.006.2020070031447.hdf",
        "LC81910282020068LGN00_ndvi", "2020068_191-28.tif_filled_kranj.tif", "S2A_MSIL2A_20200308T100031_N0214.tif",
        "2020-03-08.tif", "L_2020_068.tif", "img_2020_03_08_v2.tif", "x.2020.068.vrt", "/a/2019001/y20200308.tif",
    ],
)  # fmt: skip
def test_days_in_names(name: str) -> None:
    assert date_in(name) == DAY


@pytest.mark.parametrize("name", ["x.tif", "12345678.tif", "2019366.tif", "20200230.tif", "2020000.tif", "0123456789"])
def test_no_day_in_names(name: str) -> None:
    assert date_in(name) is None


def test_patterns_say_where_the_day_stands() -> None:
    assert date_in("a20190101_20200308.tif", r"_(\d{4})(\d\d)(\d\d)") == DAY
    assert date_in("a20190101_2020068.tif", r"_(\d{4})(\d{3})") == DAY
    assert date_in("a20190101_2020068.tif", r"_(\d{7})") == DAY
    assert date_in("08032020.tif", r"(?P<day>\d\d)(?P<month>\d\d)(?P<year>\d{4})") == DAY
    assert date_in("nothing.tif", r"(\d{4})(\d{3})") is None
    for odd in (r"(\d{4}", r"\d{7}", r"(\d)(\d)(\d)(\d)"):
        with pytest.raises(InputError, match="pattern"):
            date_in("2020068.tif", odd)


@given(DAYS)
def test_every_form_is_read_back(day: date) -> None:
    for text in (f"{day}", f"{day:%Y%m%d}", f"{day:%Y%j}", f"{day:%Y-%j}", f"{day}T11:30:00"):
        assert parse_date(text) == day
    assert parse_date(datetime(day.year, day.month, day.day, 23)) == parse_date(np.datetime64(day)) == day
    assert date_in(f"x_{day:%Y%m%d}.tif") == date_in(f"x.A{day:%Y%j}.y.hdf") == day
    assert both_days(f"{day}/{day + timedelta(2):%Y%m%d}") == (day, day + timedelta(2))


@pytest.mark.parametrize("text", ["", "yesterday", "2020-13-01", "20200230", "2019366", "08.03.2020", "2020"])
def test_no_date(text: str) -> None:
    with pytest.raises(InputError, match="2020-03-08"):
        parse_date(text)


@given(st.lists(DAYS, min_size=1, max_size=20, unique=True), DAYS, st.integers(1, 2), st.integers(1, 4))
def test_choices(known: list[date], day: date, least: int, most: int) -> None:
    """The first choice lies around the day and is the nearest; all choices together leave no near date out."""
    others = [one for one in known if one != day]
    found = choices(day, known, least, most)
    if len(others) < least:
        assert found == []
        return
    for choice in found:
        assert list(choice) == sorted(set(choice)) and day not in choice and len(choice) >= least
    first, away = found[0], sorted(abs((one - day).days) for one in others)
    assert len(first) <= max(least, most)
    assert min(abs((one - day).days) for one in first) == away[0]
    before, after = [d for d in others if d < day], [d for d in others if d > day]
    if before and after and most > 1:
        assert max(before) in first and min(after) in first
    used = {one for choice in found for one in choice}
    assert used == set(others) if len(others) <= 15 else len(used) >= 15


def test_calendar_pairs_the_nearest() -> None:
    fine = [date(2020, 3, 8), date(2020, 3, 17), date(2020, 4, 30)]
    coarse = [date(2020, 3, d) for d in (7, 8, 9, 16, 18)]
    assert calendar(fine, coarse, 0).pairs == {fine[0]: coarse[1]}
    assert calendar(fine, coarse, 1).pairs == {fine[0]: coarse[1], fine[1]: coarse[3]}
    with pytest.raises(InputError, match="nearest are 42 days apart"):
        calendar(fine[2:], [date(2020, 3, 19)], 5)
    with pytest.raises(InputError, match="0 fine"):
        calendar([], coarse, 0)


def test_what_is_asked_for() -> None:
    have = calendar([date(2020, 3, 8), date(2020, 3, 17)], [date(2020, 3, d) for d in range(5, 20)], 0)
    open_days = [date(2020, 3, d) for d in range(5, 20) if d not in (8, 17)]
    assert asked(None, have, False) == open_days
    assert len(asked(None, have, True)) == 15
    assert asked(["2020-03-07/2020-03-10"], have, False) == [date(2020, 3, d) for d in (7, 9, 10)]
    assert asked(["2020-03-18/", "2020069"], have, False) == [date(2020, 3, d) for d in (9, 18, 19)]
    assert asked(["2020-03-08"], have, True) == [date(2020, 3, 8)]
    for dates, words in (
        (["2020-03-08"], "`fill=True`"), (["2021-01-01"], "no coarse image"), (["soon"], "2020-03-08"),
        (["2020-03-10/2020-03-09"], "ends before"), (["2021-01-01/2021-02-01"], "no date to predict"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            asked(dates, have, False)


def test_order_of_pairs() -> None:
    def known(fine: int, coarse: int | None = None) -> Known:
        return Known("f", "c", date(2020, 3, fine), date(2020, 3, coarse or fine))

    ordered, notes = by_time([known(20), known(8, 9)], date(2020, 3, 15), 8)
    assert [one.fine_day and one.fine_day.day for one in ordered] == [8, 20]
    assert any("order" in note for note in notes) and any("1 day" in note for note in notes)
    for pairs, day, words in (
        ([known(8), known(8)], 10, "two pairs"), ([known(8)], 8, "leave that pair out"),
        ([known(8, 18)], 12, "10 days apart"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            by_time(pairs, date(2020, 3, day), 8)
    with pytest.warns(EarthloomWarning, match="outside the known dates"):
        by_time([known(8), known(12)], date(2020, 3, 20), 8)
    assert by_time([Known("f", "c")], None, 8)[1] == []

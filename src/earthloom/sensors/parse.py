"""From a TOML file to a :class:`Sensor`: every value is checked, and an error names the key that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from os.path import isfile
from pathlib import Path
from typing import Any, NamedTuple

from earthloom.documents import toml
from earthloom.errors import SensorError
from earthloom.sensors.files import shipped
from earthloom.sensors.labels import label_keys
from earthloom.sensors.model import Sensor
from earthloom.small import small_text
from earthloom.types import Band

_MTF = (0.0, 1.0)
_NANOMETRES = (100.0, 20000.0)
_WIDTH = (0.05, 20000.0)
_POSITIVE = (0.0, 1e6)


class _Row(NamedTuple):
    """One band as the file has it."""

    band: Band
    number: str
    gsd_m: float | None


class _Table:
    """A table of the file that knows where it stands, checks what it gives, and what nobody asked for."""

    def __init__(self, values: Any, file: Path, place: str = "") -> None:
        self.file, self.place = file, place
        self.asked: set[str] = set()
        if not isinstance(values, dict):
            raise SensorError(f"{file}: {place} is {values!r}", "a table")
        self.values: dict[str, Any] = values

    def where(self, key: str) -> str:
        return f"{self.file}: {self.place}.{key}" if self.place else f"{self.file}: {key}"

    def get(self, key: str, required: bool = False) -> Any:
        self.asked.add(key)
        if required and key not in self.values:
            typo = get_close_matches(key, set(self.values) - self.asked, 1, 0.4)
            hint = f"{typo[0]!r} is there, but means nothing here" if typo else "add it"
            raise SensorError(f"{self.where(key)} is missing", hint=hint)
        return self.values.get(key)

    def number(self, key: str, span: tuple[float, float], required: bool = False) -> float | None:
        value = self.get(key, required)
        if value is None:
            return None
        return _number(value, self.where(key), span)

    def count(self, key: str, most: int, required: bool = False) -> int | None:
        value = self.get(key, required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise SensorError(f"{self.where(key)} is {value!r}", f"a whole number from 1 to {most}")
        return value

    def text(self, key: str, required: bool = False, default: str = "") -> str:
        value = self.get(key, required)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise SensorError(f"{self.where(key)} is {value!r}", "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise SensorError(f"{self.where(key)} is {value!r}", "a list of texts")
        return tuple(value)

    def table(self, key: str) -> _Table | None:
        value = self.get(key)
        return None if value is None else _Table(value, self.file, key)

    def tables(self, key: str) -> Iterator[_Table]:
        value = self.get(key)
        if value is not None and not isinstance(value, list):
            raise SensorError(f"{self.where(key)} is {value!r}", "a list of tables")
        for i, item in enumerate(value or ()):
            yield _Table(item, self.file, f"{key}[{i}]")

    def finish(self) -> None:
        for key in self.values:
            if key not in self.asked:
                close = get_close_matches(key, self.asked, 1)
                hint = f"did you mean {close[0]!r}?" if close else "remove it"
                raise SensorError(f"{self.where(key)} is not a known key", f"one of {sorted(self.asked)}", hint)


def _number(value: Any, where: str, span: tuple[float, float]) -> float:
    """A real number strictly inside ``span``."""
    low, high = span
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
        raise SensorError(f"{where} is {value!r}", f"a number between {low:g} and {high:g}")
    return float(value)


def parse(path: Path) -> Sensor:
    """Read one sensor file.

    Parameters
    ----------
    path
        TOML file; ``docs/sensors.md`` lists its keys.

    Raises
    ------
    SensorError
        If the file cannot be read, is not TOML, or a key is missing, unknown or has an impossible value.
    """
    try:
        values = toml(small_text(path))
    except OSError as error:
        raise SensorError(f"cannot read the sensor file {path}: {error.strerror}") from error
    except ValueError as error:
        raise SensorError(f"{path} is not a TOML file: {error}", hint="see docs/sensors.md") from error
    top = _Table(values, path)
    title, aliases, note = top.text("title", required=True), top.texts("aliases"), top.text("note")
    bit_depth, ratio = top.count("bit_depth", 64), top.number("ratio", (1.0, 1000.0))
    srf = _srf(top)
    rows = [_row(table) for table in top.tables("bands")]
    for table in top.tables("band_ranges"):
        rows += _range(table)
    pan_table, any_table = top.table("pan"), top.table("any_band")
    pan = _row(pan_table, name="pan") if pan_table else None
    any_band = _row(any_table, name="band").band if any_table else None
    subsets, sources = _subsets(top, rows), _sources(top)
    top.finish()
    _check(path, rows, any_band, pan, ratio)
    return Sensor(
        name=path.stem,
        title=title,
        bands=tuple(row.band for row in rows),
        pan=pan.band if pan else None,
        ratio=ratio,
        bit_depth=bit_depth,
        gsd_m=tuple(row.gsd_m for row in rows),
        pan_gsd_m=pan.gsd_m if pan else None,
        numbers=tuple(row.number for row in rows),
        pan_number=pan.number if pan else "",
        aliases=aliases,
        subsets=subsets,
        sources=sources,
        srf=srf,
        any_band=any_band,
        note=note,
    )


def _row(table: _Table, name: str = "") -> _Row:
    """One band, from its table."""
    band = Band(
        table.text("name", required=not name, default=name),
        table.number("centre_nm", _NANOMETRES),
        table.number("fwhm_nm", _WIDTH),
        table.number("mtf_nyquist", _MTF, required=True) or 0.0,
    )
    row = _Row(band, table.text("number"), table.number("gsd_m", _POSITIVE))
    table.finish()
    return row


def _range(table: _Table) -> list[_Row]:
    """The bands of one spectrometer: ``centres_nm``, or ``count`` bands from ``start_nm`` to ``stop_nm``."""
    prefix, letter = table.text("prefix", required=True), table.text("number_prefix")
    centres = table.get("centres_nm")
    if centres is None:
        start, stop = (table.number(key, _NANOMETRES, required=True) or 0.0 for key in ("start_nm", "stop_nm"))
        count = table.count("count", 10000, required=True) or 1
        step = (stop - start) / max(count - 1, 1)
        centres = [start + i * step for i in range(count)]
    centres = _numbers(centres, len(centres) if isinstance(centres, list) else 0, table, "centres_nm", _NANOMETRES)
    widths = table.get("fwhm_nm")
    widths = [None] * len(centres) if widths is None else _numbers(widths, len(centres), table, "fwhm_nm", _WIDTH)
    mtf, gsd = table.number("mtf_nyquist", _MTF, required=True) or 0.0, table.number("gsd_m", _POSITIVE)
    table.finish()
    return [
        _Row(Band(f"{prefix}_{i}", centre, width, mtf), f"{letter}{i}" if letter else "", gsd)
        for i, (centre, width) in enumerate(zip(centres, widths, strict=True), 1)
    ]


def _numbers(value: Any, count: int, table: _Table, key: str, span: tuple[float, float]) -> list[float]:
    """``count`` numbers; a single one stands for all."""
    items = value if isinstance(value, list) else [value] * count
    if not items or len(items) != count:
        raise SensorError(f"{table.where(key)} has {len(items)} numbers", f"a list of {count or 'wavelengths'}")
    return [_number(item, f"{table.where(key)}[{i}]", span) for i, item in enumerate(items)]


def _subsets(top: _Table, rows: list[_Row]) -> dict[str, tuple[str, ...]]:
    """Named selections; their bands must exist and their lengths differ, so that a count names one of them."""
    table = top.table("subsets")
    if table is None:
        return {}
    known, taken = {row.band.name for row in rows}, {len(rows): "all bands"}
    subsets = {key: table.texts(key) for key in list(table.values)}
    for key, members in subsets.items():
        for member in members:
            if member not in known:
                close = get_close_matches(member, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else ""
                raise SensorError(f"{table.where(key)} names {member!r}", f"names among {sorted(known)}", hint)
        if len(members) in taken:
            raise SensorError(
                f"{table.where(key)} has {len(members)} bands, as many as {taken[len(members)]}",
                "subsets of different lengths: the number of bands in an image must name one of them",
            )
        taken[len(members)] = key
    return subsets


def _sources(top: _Table) -> dict[str, str]:
    """The table ``source``: any key, a text each."""
    table = top.table("source")
    return {} if table is None else {key: table.text(key) for key in list(table.values)}


def _srf(top: _Table) -> Path | None:
    """The CSV of response curves: beside the sensor file, or one that comes with the package."""
    text = top.text("srf")
    if not text:
        return None
    own, ours = top.file.parent / Path(text).expanduser(), shipped("srf") / text
    for path in (own, ours):
        if isfile(path):  # whatever the system thinks of the name
            return path
    raise SensorError(
        f"{top.where('srf')} is {text!r}, and there is no such file",
        f"a CSV file beside {top.file.name}, or one of the package",
        "correct the name or remove the key: responses are then made from centre_nm and fwhm_nm",
    )


def _check(path: Path, rows: list[_Row], any_band: Band | None, pan: _Row | None, ratio: float | None) -> None:
    """What no single key can tell: there are bands, their names are their own, the ratio is that of the pixels."""
    if not rows and any_band is None:
        raise SensorError(f"{path}: bands is missing", "bands, band_ranges or any_band", "add it")
    if rows and any_band is not None:
        raise SensorError(f"{path}: any_band stands beside bands", "one of the two", "remove one")
    seen: dict[str, str] = {}
    for row in rows:
        for key in label_keys(row.band.name, row.number):
            if key in seen:
                raise SensorError(
                    f"{path}: the bands {seen[key]!r} and {row.band.name!r} share the label {key!r}",
                    "a name and a number of its own for each band",
                )
            seen[key] = row.band.name
    if pan is None and ratio is not None:
        raise SensorError(f"{path}: ratio is {ratio:g}, but there is no [pan]", hint="add [pan] or remove ratio")
    sizes = {row.gsd_m for row in rows} - {None}
    if pan and pan.gsd_m and ratio and len(sizes) == 1:
        measured = (sizes.pop() or 0.0) / pan.gsd_m
        if abs(measured - ratio) > 0.05 * ratio:
            raise SensorError(
                f"{path}: ratio is {ratio:g}, but gsd_m of the bands over that of pan is {measured:.3g}",
                hint="correct ratio or gsd_m",
            )

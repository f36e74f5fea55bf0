"""Protocols: how a data set is read, cut and judged, as TOML that a table can be made by again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from earthloom.benchmarking.definition import CUT_BY_RATIO, FIT, FULL, REDUCED, Dated, Judging, Part, Protocol
from earthloom.benchmarking.figures import FIGURES, figures_of
from earthloom.benchmarking.labels import parted, toml_value
from earthloom.documents import field as checked
from earthloom.documents import objects, text_of, to_toml, toml
from earthloom.errors import FileError, InputError
from earthloom.problems.names import registered
from earthloom.types import Window

FOLDER, SUFFIX = Path(__file__).parent / "protocols", ".toml"
READ = (
    "sensor", "convention", "reduce", "bands", "scale", "maximum", "nodata", "ignore_georeferencing", "precision",
    "ratio", "bad_bands", "noise", "seed", "mtf", "blur", "fine_sensor", "shift",
)  # fmt: skip
JUDGE = ("metrics", "rank", "cut", "frame", "peak", "ratio", "clip", "window", "refused")
KEYS = (
    "title", "problem", "resolution", "about", "cite", "layout", "errata", "choice", "scenes", "without", "crop",
    "window", "expects", "read", "judge", "part", "date", "fold", "note", "fit",
)  # fmt: skip
PEAKS = ("truth", "maximum")
DEFAULTS = {
    "pansharpening": "wald", "superresolution": "cubes", "spatiotemporal": "dates", "cloud_removal": "clouds",
    "sharpening": "coarse_bands", "bandpass": "pairs",
}  # fmt: skip


@cache
def names() -> tuple[str, ...]:
    """The protocols that come with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def load(named: str | Path) -> Protocol:
    """A protocol by its name, or from a TOML file; with fields behind colons, ``cave_held:ratio=2``.

    Raises
    ------
    FileError
        If there is no such file, or it is no protocol, or a protocol has no such field.
    """
    text, told = parted(str(named))
    if text in names():
        path, name = FOLDER / f"{text}{SUFFIX}", text
    elif not text.endswith(SUFFIX):
        raise InputError(f"protocol '{text}'", f"a TOML file, or one of {', '.join(names())}")
    elif not Path(text).is_file():
        raise FileError(f"{text} does not exist", "a TOML file", f"or one of {', '.join(names())}")
    else:
        path, name = Path(text), Path(text).stem
    found = of(text_of(path), name)
    return of(changed(found.text, told, name), ":".join([name, *_typed(told)])) if told else found


def changed(text: str, values: Mapping[str, str], name: str) -> str:
    """The TOML of a protocol with other values of some fields, which its title then says.

    Parameters
    ----------
    values
        Key to text. Keys of the whole, of ``read`` or of ``judge``, whoever has it first; ``judge.ratio`` says whose.

    Raises
    ------
    FileError
        If there is no such key.
    """
    told, tables = dict(toml(text)), {"read": READ, "judge": JUDGE, "fit": FIT}
    for key, value in values.items():
        home, _, own = key.rpartition(".")
        home = home or next((table for table, keys in tables.items() if key in keys and key not in KEYS), "")
        if own not in tables.get(home, KEYS) or (home and home not in tables):
            possible = dict.fromkeys([*READ, *JUDGE, *FIT, *(one for one in KEYS if one not in tables)])
            raise FileError(f"protocol {name}: {key}", f"some of {', '.join(possible)}")
        if home:
            told[home] = {**told.get(home, {}), own: toml_value(value)}
        else:
            told[own] = toml_value(value)
    return to_toml({**told, "title": "; ".join([told["title"], *_typed(values)])})


def _typed(values: Mapping[str, str]) -> list[str]:
    """Fields as they were typed."""
    return [f"{key}={value}" for key, value in values.items()]


def default_for(problem: str) -> str:
    """The protocol of a problem where none is named.

    Raises
    ------
    InputError
        If there is none.
    """
    if problem not in DEFAULTS:
        raise InputError(f"no protocol for {problem}", "a TOML file", "`protocol` names one")
    return DEFAULTS[problem]


def of(text: str, name: str) -> Protocol:
    """A protocol from its TOML.

    Raises
    ------
    FileError
        With what is wrong and what is expected.
    """
    where = f"protocol {name}"
    try:
        told = toml(text)
    except ValueError as wrong:
        raise FileError(f"{where} is no TOML ({wrong})") from None
    _known(told, KEYS, where)
    problem = checked(told, "problem", str, where)
    if problem not in registered():
        raise FileError(f"{where}: problem {problem!r}", f"one of {', '.join(registered())}")
    resolution = told.get("resolution", REDUCED)
    if resolution not in (REDUCED, FULL):
        raise FileError(f"{where}: resolution {resolution!r}", f"{REDUCED} or {FULL}")
    if resolution == FULL and problem != "pansharpening":
        raise FileError(f"{where}: {problem} at full resolution", "pansharpening", "its figures need PAN and MS")
    if resolution == FULL and "window" in told:
        raise FileError(f"{where}: a window at full resolution", "a window of scenes with a truth", "`scenes` chooses")
    read = checked(told, "read", dict, where, True) or {}
    _known(read, READ, f"{where}, read")
    folds = checked(told, "fold", dict, where, True) or {}
    return Protocol(
        name, checked(told, "title", str, where), problem, _judging(told, problem, resolution, where), text, resolution,
        *(checked(told, key, str, where, True) or "" for key in ("about", "cite", "layout")),
        errata=_texts(told, "errata", where), read=read, choice=checked(told, "choice", str, where, True) or "",
        scenes=_texts(told, "scenes", where), without=_texts(told, "without", where),
        crop=checked(told, "crop", int, where, True) or 0, window=_window(told, where),
        expects=checked(told, "expects", int, where, True),
        parts=tuple(_part(one, where) for one in objects({"part": [], **told}, "part", where)),
        dates=tuple(_dated(one, where) for one in objects({"date": [], **told}, "date", where)),
        folds={name: _texts(folds, name, f"{where}, fold") for name in folds},
        notes=tuple(
            (checked(one, "files", str, where), checked(one, "say", str, where))
            for one in objects({"note": [], **told}, "note", where)
        ),
        fit=checked(told, "fit", dict, where, True) or {},
    )  # fmt: skip


def _judging(told: Mapping[str, Any], problem: str, resolution: str, where: str) -> Judging:
    """The table ``judge``."""
    judge = checked(told, "judge", dict, where)
    _known(judge, JUDGE, f"{where}, judge")
    metrics, possible = _texts(judge, "metrics", where), figures_of(problem, resolution == FULL)
    wrong = [name for name in metrics if name not in possible]
    if wrong or not metrics:
        what = f"metrics {', '.join(wrong)}" if wrong else "no metrics"
        raise FileError(f"{where}: {what}", f"some of {', '.join(possible)}")
    rank = judge.get("rank", metrics[0])
    if rank not in metrics:
        raise FileError(f"{where}: rank {rank!r}", f"one of {', '.join(metrics)}")
    cut, clip = judge.get("cut", 0), judge.get("clip", False)
    if cut != CUT_BY_RATIO and not (isinstance(cut, int) and not isinstance(cut, bool) and cut >= 0):
        raise FileError(f"{where}: cut {cut!r}", f"a whole number of pixels, or {CUT_BY_RATIO!r}")
    frame = checked(judge, "frame", int, where, True) or 0
    if frame < 0 or (frame and cut):
        raise FileError(f"{where}: frame {frame}, cut {cut!r}", "one of them, not below 0")
    if not isinstance(clip, bool):
        raise FileError(f"{where}: clip {clip!r}", "true or false")
    return Judging(
        metrics, rank, cut, _peak(judge.get("peak", "truth"), where), checked(judge, "ratio", float, where, True), clip,
        frame, _window(judge, where), checked(judge, "refused", str, where, True) or "",
    )  # fmt: skip


def _part(told: Mapping[str, Any], where: str) -> Part:
    """One of the tables ``part``: ``files``, ``roles``, ``peak``, and what is read otherwise."""
    _known(told, ("files", "roles", "peak", *READ), f"{where}, part")
    read = {key: value for key, value in told.items() if key in READ}
    peak = _peak(told["peak"], where) if "peak" in told else None
    return Part(checked(told, "files", str, where), checked(told, "roles", dict, where, True) or {}, read, peak)


def _dated(told: Mapping[str, Any], where: str) -> Dated:
    """One of the tables ``date``."""
    _known(told, [one.name for one in fields(Dated)], f"{where}, date")
    texts = {name: checked(told, name, str, where, name in ("coarse", "mask")) or "" for name in told if name != "band"}
    missing = [name for name in ("day", "fine") if not texts.get(name)]
    if missing:
        raise FileError(f"{where}, date: {', '.join(missing)} is missing", "day and fine")
    return Dated(**texts, band=checked(told, "band", int, where, True) or 0)


def _window(told: Mapping[str, Any], where: str) -> Window | None:
    """``[y0, x0, y1, x1]``, the last row and column not in it."""
    value = checked(told, "window", list, where, True)
    if value is None:
        return None
    whole = len(value) == 4 and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if not whole or not (0 <= value[0] < value[2] and 0 <= value[1] < value[3]):
        raise FileError(f"{where}: window {value!r}", "[y0, x0, y1, x1] in pixels, the last ones not in it")
    y, x, below, right = value
    return Window(y, x, below - y, right - x)


def _peak(value: Any, where: str) -> float | str:
    """A largest value, or how it is found."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if value not in PEAKS and not number:
        raise FileError(f"{where}: peak {value!r}", f"a positive number, or one of {', '.join(PEAKS)}")
    return float(value) if number else value


def _texts(told: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A list of texts, or none."""
    found = checked(told, name, list, where, True) or []
    if not all(isinstance(one, str) for one in found):
        raise FileError(f"{where}: {name} {found!r}", "a list of texts")
    return tuple(found)


def _known(told: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    """Refuse keys that mean nothing: a word misspelt would change a table in silence."""
    wrong = [key for key in told if key not in keys]
    if wrong:
        raise FileError(f"{where}: {', '.join(wrong)}", f"some of {', '.join(keys)}")


__all__ = ["CUT_BY_RATIO", "FIGURES", "Dated", "Judging", "Part", "Protocol", "default_for", "load", "names", "of"]

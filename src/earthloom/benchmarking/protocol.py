"""Protocols: how a data set is read, cut and judged, as TOML that a table can be made by again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from earthloom.benchmarking.figures import FIGURES, figures_of
from earthloom.documents import field as checked
from earthloom.documents import objects, text_of, toml
from earthloom.errors import FileError, InputError
from earthloom.problems.names import registered

FOLDER, SUFFIX = Path(__file__).parent / "protocols", ".toml"
REDUCED, FULL = "reduced", "full"
READ = (
    "sensor", "convention", "reduce", "bands", "scale", "maximum", "nodata", "ignore_georeferencing", "precision",
    "ratio", "bad_bands", "noise", "seed", "mtf",
)  # fmt: skip
JUDGE = ("metrics", "rank", "cut", "frame", "peak", "ratio", "clip")
KEYS = (
    "title", "problem", "resolution", "about", "cite", "layout", "errata", "choice", "scenes", "without", "crop",
    "expects", "read", "judge", "part", "note", "fit",
)  # fmt: skip
CUT_BY_RATIO, PEAKS = "ratio", ("truth", "maximum")
DEFAULTS = {
    "pansharpening": "wald", "superresolution": "cubes", "spatiotemporal": "dates", "cloud_removal": "clouds",
    "sharpening": "coarse_bands", "bandpass": "pairs",
}  # fmt: skip


@dataclass(frozen=True)
class Judging:
    """How a product is judged.

    Parameters
    ----------
    metrics
        Names of figures (:data:`earthloom.benchmarking.figures.FIGURES`), in the order of the table.
    rank
        The figure that ranks.
    cut
        Border as :func:`earthloom.metrics.cut_border` takes it; ``"ratio"``: four coarse pixels and one, 17 at 4:1.
    frame
        Or so many pixels on every side.
    peak
        Largest possible value: a number, ``"maximum"`` (that of the sensor's bit depth), ``"truth"`` (the largest
        value of the truth).
    ratio
        Coarse over fine pixel size for ERGAS; None: that of the scene.
    clip
        Whether products are clipped to 0 .. peak first.
    """

    metrics: tuple[str, ...]
    rank: str
    cut: int | str = 0
    peak: float | str = "truth"
    ratio: float | None = None
    clip: bool = False
    frame: int = 0


@dataclass(frozen=True)
class Part:
    """Scenes of a data set that are read alike.

    Parameters
    ----------
    files
        Pattern of the names of files, or of folders that hold one scene each.
    roles
        Role to the name of its file in such a folder; empty: the files tell themselves.
    read, peak
        What differs for them.
    """

    files: str
    roles: Mapping[str, str] = field(default_factory=dict)
    read: Mapping[str, Any] = field(default_factory=dict)
    peak: float | str | None = None


@dataclass(frozen=True)
class Protocol:
    """One protocol; its TOML is ``text``, which a manifest keeps.

    Parameters
    ----------
    name, title, problem, resolution
        ``resolution`` is ``reduced`` (there is a truth) or ``full`` (there is none).
    about, cite, layout, errata
        For people: what it is, whom to cite, which files it expects, and what is known to go wrong.
    read
        As :func:`earthloom.cases` takes it.
    choice
        Behind ``@`` of a folder of dates: ``val``.
    scenes, without
        Patterns of the names of scenes that count, and of files that do not.
    crop
        Side of the upper left part of a cube that is taken; 0: all of it.
    expects
        How many scenes a table of it has.
    notes
        Pattern of files to what there is to say when they are among the data.
    fit
        For alignment: which share of the scenes the methods are fitted to.
    """

    name: str
    title: str
    problem: str
    judge: Judging
    text: str
    resolution: str = REDUCED
    about: str = ""
    cite: str = ""
    layout: str = ""
    errata: tuple[str, ...] = ()
    read: Mapping[str, Any] = field(default_factory=dict)
    choice: str = ""
    scenes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    crop: int = 0
    expects: int | None = None
    parts: tuple[Part, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    fit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether there is no truth."""
        return self.resolution == FULL

    @property
    def sha256(self) -> str:
        """Of its text."""
        return sha256(self.text.encode()).hexdigest()

    def counts(self, scene: str) -> bool:
        """Whether a scene is one of those that are judged."""
        return not self.scenes or any(fnmatch(scene, pattern) for pattern in self.scenes)

    def remarks(self, files: Sequence[str | Path]) -> list[str]:
        """What there is to say about the data that were given."""
        names = [Path(str(one)).name.lower() for one in files]
        return [say for pattern, say in self.notes if any(fnmatch(name, pattern.lower()) for name in names)]


@cache
def names() -> tuple[str, ...]:
    """The protocols that come with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def load(named: str | Path) -> Protocol:
    """A protocol by its name, or from a TOML file.

    Raises
    ------
    FileError
        If there is no such file, or it is no protocol.
    """
    text = str(named)
    if text in names():
        return of(text_of(FOLDER / f"{text}{SUFFIX}"), text)
    if not text.endswith(SUFFIX):
        raise InputError(f"protocol '{text}'", f"a TOML file, or one of {', '.join(names())}")
    if not Path(text).is_file():
        raise FileError(f"{text} does not exist", "a TOML file", f"or one of {', '.join(names())}")
    return of(text_of(Path(text)), Path(text).stem)


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
    read = checked(told, "read", dict, where, True) or {}
    _known(read, READ, f"{where}, read")
    return Protocol(
        name, checked(told, "title", str, where), problem, _judging(told, problem, resolution, where), text, resolution,
        *(checked(told, key, str, where, True) or "" for key in ("about", "cite", "layout")),
        errata=_texts(told, "errata", where), read=read, choice=checked(told, "choice", str, where, True) or "",
        scenes=_texts(told, "scenes", where), without=_texts(told, "without", where),
        crop=checked(told, "crop", int, where, True) or 0, expects=checked(told, "expects", int, where, True),
        parts=tuple(_part(one, where) for one in objects({"part": [], **told}, "part", where)),
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
        frame,
    )  # fmt: skip


def _part(told: Mapping[str, Any], where: str) -> Part:
    """One of the tables ``part``: ``files``, ``roles``, ``peak``, and what is read otherwise."""
    _known(told, ("files", "roles", "peak", *READ), f"{where}, part")
    read = {key: value for key, value in told.items() if key in READ}
    peak = _peak(told["peak"], where) if "peak" in told else None
    return Part(checked(told, "files", str, where), checked(told, "roles", dict, where, True) or {}, read, peak)


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


__all__ = ["FIGURES", "Judging", "Part", "Protocol", "default_for", "load", "names", "of"]

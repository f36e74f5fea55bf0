"""What a protocol is: how a data set is read, cut and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Any

from earthloom.types import Window

REDUCED, FULL = "reduced", "full"
CUT_BY_RATIO = "ratio"
FIT = ("from", "to", "train", "test", "steps", "parts", "within", "bands_from", "bands_to")  # of pairs of sensors


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
        Whether products and truth are clipped to 0 .. peak first.
    window
        Pixels of the truth that are judged; None: all of it.
    refused
        The entrant whose product counts for a method on a scene that it refuses; empty: the scene is lost to it.
    """

    metrics: tuple[str, ...]
    rank: str
    cut: int | str = 0
    peak: float | str = "truth"
    ratio: float | None = None
    clip: bool = False
    frame: int = 0
    window: Window | None = None
    refused: str = ""


@dataclass(frozen=True)
class Part:
    """Scenes of a data set that are read alike.

    Parameters
    ----------
    files
        Pattern of the names of files, or of folders that hold one scene each.
    roles
        Role to the name of its file in such a folder; with a ``*`` in each that stands for the name of a scene, a
        folder holds many. Empty: the files tell themselves.
    read, peak
        What differs for them.
    """

    files: str
    roles: Mapping[str, str] = field(default_factory=dict)
    read: Mapping[str, Any] = field(default_factory=dict)
    peak: float | str | None = None


@dataclass(frozen=True)
class Dated:
    """The images of one date, by their names in the folder that is given.

    Parameters
    ----------
    day
        As it is written in names of files (:func:`earthloom.raster.listing.days.parse_date`).
    fine, coarse, mask
        Names; ``mask`` is 0 where the fine image is clear.
    band
        Number of the band of ``coarse`` that is of this date, from 1; 0: all of its bands are.
    """

    day: str
    fine: str
    coarse: str = ""
    mask: str = ""
    band: int = 0


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
    window
        Pixels of the truth of every scene that methods see and are judged on; None: all of them.
    expects
        How many scenes a table of it has.
    dates
        The dates of a folder, where names do not tell them.
    folds
        Name of a fold to patterns of its scenes: ``{fold}`` in a field of a method becomes the name.
    notes
        Pattern of files to what there is to say when they are among the data.
    fit
        For alignment: which share of the scenes the methods are fitted to (:mod:`earthloom.benchmarking.pairs`).
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
    window: Window | None = None
    expects: int | None = None
    parts: tuple[Part, ...] = ()
    dates: tuple[Dated, ...] = ()
    folds: Mapping[str, Sequence[str]] = field(default_factory=dict)
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

    def fold(self, scene: str) -> str:
        """The fold of a scene; empty where there is none."""
        return next((name for name, own in self.folds.items() if any(fnmatch(scene, one) for one in own)), "")

    def remarks(self, files: Sequence[str | Path]) -> list[str]:
        """What there is to say about the data that were given."""
        names = [Path(str(one)).name.lower() for one in files]
        return [say for pattern, say in self.notes if any(fnmatch(name, pattern.lower()) for name in names)]

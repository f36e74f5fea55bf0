"""A scene, the commands that are disturbed, and what one disturbed run is given and leaves; see faults.py."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.reliability.kills import child, coarser, files, finished, put
from bench.reliability.kills import field as image_of

SIDE, BLOCK = 768, 256  # pixels of the fine images, and of their compressed blocks
TILED = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "deflate"}
NAMES = ("B02", "B03", "B04", "B08")
PRODUCT = "x.tif"
Files = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """A command, the inputs that faults befall, how long it takes, and the files that it makes when left alone."""

    verb: str
    command: list[str]
    inputs: tuple[str, ...]
    seconds: float = 0.0
    size: int = 0  # bytes of the product
    whole: Files = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """Inputs: as they are, as they were made, and as other days have them."""

    folder: Path

    def make(self) -> None:
        """Write them."""
        for number, kind in enumerate(("made", "other")):
            where = self.folder / kind
            where.mkdir()
            fine = image_of(np.random.default_rng(number), 4, SIDE)
            later = image_of(np.random.default_rng(number + 5), 2, 256)
            put(where / "pan.tif", fine.mean(0).round().astype("uint16")[None], 2.5, **TILED)
            put(where / "ms.tif", coarser(fine, 4), 10)
            put(where / "source.tif", fine, 10, NAMES, **TILED)
            put(where / "fine.tif", fine[:2, :256, :256], 30)
            put(where / "coarse1.tif", coarser(fine[:2, :256, :256], 16), 480)
            put(where / "coarse2.tif", coarser(fine[:2, :256, :256] // 2 + later // 2, 16), 480)
        self.fresh()

    @property
    def inputs(self) -> Path:
        """Where commands find them."""
        return self.folder / "inputs"

    def fresh(self) -> None:
        """Every input as it was made, its time included."""
        self.inputs.mkdir(exist_ok=True)
        for path in (self.folder / "made").iterdir():
            shutil.copy2(path, self.inputs / path.name)

    def cases(self) -> dict[str, Case]:
        """The commands; ``-o`` is added."""
        pan, ms, source, fine, *coarse = (
            str(self.inputs / f"{name}.tif") for name in ("pan", "ms", "source", "fine", "coarse1", "coarse2")
        )
        tiles = ["--tile-size", "128"]
        pair = ["pansharpen", "--pan", pan, "--ms", ms, *tiles]
        bands = ["--from", "sentinel2a", "--to", "landsat8", "--source-scale", "1e-4", "-m", "spectral"]
        days = ["--pair", fine, coarse[0], "2020-05-01", "--coarse", coarse[1], "2020-05-17"]
        told = {
            "pansharpen": ([*pair, "-m", "mtf_glp_hpm"], ("pan.tif", "ms.tif")),
            "predict": (
                ["predict", *days, "-m", "starfm", "--window-px", "15", "--tile-size", "32"],
                ("fine.tif", "coarse1.tif", "coarse2.tif"),
            ),
            "align": (["align", source, *bands, *tiles], ("source.tif",)),
            "brovey": ([*pair, "-m", "brovey"], ("pan.tif",)),
        }
        return {name: Case(name, *one) for name, one in told.items()}


@dataclass(frozen=True)
class Trial:
    """One run that is to be disturbed.

    Parameters
    ----------
    folder
        Empty: takes the product and nothing else.
    draw
        Says when, where and how much.
    """

    case: Case
    scene: Scene
    folder: Path
    draw: random.Random

    @property
    def log(self) -> Path:
        """What the run says."""
        return self.scene.folder / f"{self.folder.name}.log"

    def arguments(self, *more: str) -> list[str]:
        """The command with its output."""
        apart = {"--workers", "--scheduler"} & set(more)
        return [*self.case.command, "-o", str(self.folder / PRODUCT), *([] if apart else ["--threads", "2"]), *more]

    def begin(self, *more: str, first: Callable[[], object] = lambda: None) -> Running:
        """Start the command."""
        return Running(child(self.arguments(*more), self.log, first), self.log)

    def run(self, *more: str, first: Callable[[], object] = lambda: None) -> tuple[int, str]:
        """Start the command and wait for its end."""
        return self.begin(*more, first=first).end()

    def wait(self, longest: float = 0.0) -> None:
        """A moment, drawn evenly over the run."""
        time.sleep(self.draw.uniform(0.01, longest or self.case.seconds))


@dataclass
class Running:
    """A command that runs."""

    number: int
    log: Path
    code: int | None = None

    def over(self) -> bool:
        """Whether it has ended."""
        if self.code is None:
            number, status = os.waitpid(self.number, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if number else None
        return self.code is not None

    def end(self) -> tuple[int, str]:
        """Wait for its end: exit code and what it said."""
        while not self.over():
            time.sleep(0.005)
        assert self.code is not None
        return self.code, self.log.read_text(errors="replace")


@dataclass(frozen=True)
class Ended:
    """How a disturbed run ended.

    Parameters
    ----------
    code, text
        Its exit code, and what it said.
    late
        It had ended before the fault came.
    good
        What it may have made; nothing: the files of the run that was left alone.
    then
        What the next run has to make; None: the same.
    keep
        The inputs stay as the fault left them until the next run is over.
    wrong
        What else is not as it should be.
    """

    code: int
    text: str
    late: bool = False
    good: tuple[Files, ...] = ()
    then: Files | None = None
    keep: bool = False
    wrong: str = ""


def alone(case: Case, folder: Path) -> tuple[float, Files]:
    """Run a command that nobody disturbs, twice, as the first run compiles: seconds and files."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        log = folder.with_suffix(".log")
        code, seconds = finished([*case.command, "-o", str(folder / PRODUCT), "--threads", "2"], log)
        assert code == 0, log.read_text()
    return seconds, files(folder)

"""What a training run leaves behind: settings, environment, log, pictures, weights and their card."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import unwritable, write_whole
from earthloom.documents import to_toml
from earthloom.training.loop import earlier
from earthloom.training.loop.config import Config
from earthloom.training.loop.earlier import CARD, CONFIG, ENVIRONMENT, LOG, WEIGHTS
from earthloom.types import Float
from earthloom.version import __version__
from earthloom.weights import store as weights

GAP_PX = 4


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path, tensorboard: bool = True) -> None:
        self.path = path
        self.log = Log(path / LOG)
        self._events: Any = None
        self._tensorboard = tensorboard

    def begin(self, config: Config, about: Mapping[str, Any], step: int, anew: bool = False) -> None:
        """Settings and environment of this start; rows of the log after ``step`` are forgotten.

        Parameters
        ----------
        anew
            Set an earlier run aside.
        """
        if anew:
            earlier.set_aside(self.path)
        if self._tensorboard:
            self._events = _events(self.path / "tensorboard")
        if step == 0:
            write_whole(self.path / CONFIG, to_toml({**config.as_dict(), **about}).encode())
        known = self.path / ENVIRONMENT
        starts = json.loads(known.read_text(encoding="utf-8"))["starts"] if step and known.is_file() else []
        starts.append({"step": step, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **environment()})
        write_whole(known, (json.dumps({"starts": starts}, indent=2) + "\n").encode())
        self.log.rewind(step)

    def row(self, row: Mapping[str, float]) -> None:
        """One line of the log."""
        self.log.row(row)
        if self._events is not None:
            for name, value in row.items():
                if name != "step":
                    tag = f"validation/{name[4:]}" if name.startswith("val_") else f"train/{name}"
                    self._events.add_scalar(tag, value, int(row["step"]))

    def picture(self, step: int, panels: Mapping[str, Float[np.ndarray, "_ _ _"]]) -> None:
        """Panels side by side, stretched alike, as ``samples/step_N.png``."""
        if not panels:
            return
        image = panel_strip(panels)
        write_whole(self.path / "samples" / f"step_{step:09d}.png", png(image))
        if self._events is not None:
            self._events.add_image("sample", image, step, dataformats="HWC")

    def finish(
        self, header: weights.Header, tensors: Mapping[str, np.ndarray], card: Mapping[str, Any], rows: Mapping
    ) -> Path:
        """Weights with their header, and the card to read."""
        header = replace(header, card={**header.card, **card})
        path = weights.write(self.path / WEIGHTS, header, tensors)
        write_whole(self.path / CARD, model_card(header, rows).encode())
        earlier.forget_asides(self.path)
        return path

    def withdraw(self) -> None:
        """Take away what was written, and bring back the run that was there before."""
        self.close()
        earlier.put_back(self.path)

    def close(self) -> None:
        """Close what is open."""
        self.log.close()
        events, self._events = self._events, None
        if events is not None:
            with suppress(OSError):  # a picture of the log, no more
                events.close()


class Log:
    """A CSV that may gain columns, and that never holds half a line for long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] = []
        self._rows: list[dict[str, str]] = []
        self._stream: Any = None

    def rewind(self, step: int) -> None:
        """Keep the whole lines up to a step."""
        text = self.path.read_text(encoding="utf-8") if self.path.is_file() and step else ""
        whole = text[: text.rfind("\n") + 1]  # a line that was being written when the run was killed has no end
        rows = list(csv.DictReader(io.StringIO(whole)))
        self._rows = [row for row in rows if int(row["step"]) <= step]
        self._columns = list(self._rows[0]) if self._rows else []
        self._rewrite()

    def row(self, row: Mapping[str, float]) -> None:
        """Add a line; numbers are written so that they read back the same."""
        shown = {name: str(value) if isinstance(value, int) else repr(float(value)) for name, value in row.items()}
        self._rows.append(shown)
        new = [name for name in shown if name not in self._columns]
        if new or self._stream is None:
            columns = self._columns + new
            self._columns = sorted(columns, key=lambda name: (name != "step", name.startswith("val_")))
            self._rewrite()
        else:
            with unwritable(self.path):
                csv.writer(self._stream, lineterminator="\n").writerow([shown.get(name, "") for name in self._columns])
                self._stream.flush()

    def _rewrite(self) -> None:
        """The whole file again, under its columns of now."""
        self.close()
        stream = io.StringIO()
        if self._columns:
            writer = csv.DictWriter(stream, self._columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        write_whole(self.path, stream.getvalue().encode())
        self._stream = self.path.open("a", encoding="utf-8", newline="")

    def close(self) -> None:
        """Close the file."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError):  # a full disk was said when the line was written
                stream.close()


def _events(folder: Path) -> Any:
    """A writer of TensorBoard events, None where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), flush_secs=10)


def panel_strip(panels: Mapping[str, Float[np.ndarray, "_ _ _"]]) -> np.ndarray:
    """Three (or one) bands of each panel, 1 % to 99 % of the last one's values from black to white, ``(y, x, 3)``."""
    last = list(panels.values())[-1]
    bands = [min(band, len(last) - 1) for band in ((2, 1, 0) if len(last) > 2 else (0, 0, 0))]
    low, high = np.nanpercentile(last[bands], (1, 99), axis=(1, 2))
    span = np.where(high > low, high - low, 1)
    height = max(image.shape[1] for image in panels.values())
    shown = []
    for image in panels.values():
        scaled = (np.moveaxis(image[bands], 0, 2) - low) / span
        scaled = np.clip(np.where(np.isfinite(scaled), scaled, 1), 0, 1)
        padded = np.pad(scaled, ((0, height - len(scaled)), (0, GAP_PX), (0, 0)), constant_values=1)
        shown.append(np.round(255 * padded).astype(np.uint8))
    return np.concatenate(shown, axis=1)[:, :-GAP_PX]


def png(image: np.ndarray) -> bytes:
    """An RGB image as PNG."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, image, format="png")
    return stream.getvalue()


def environment() -> dict[str, Any]:
    """Versions and hardware."""
    import torch

    found: dict[str, Any] = {"earthloom": __version__, "git": git_version(), "python": platform.python_version()}
    for name in ("torch", "numpy", "lightning-fabric", "safetensors"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    found |= {"platform": platform.platform(), "processor": processor(), "cores": os.cpu_count()}
    found["threads"] = torch.get_num_threads()
    cuda = torch.cuda.is_available()
    found["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
    return found


def git_version() -> str | None:
    """Commit of the checkout this package runs from, ``-dirty`` with changes; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    here = Path(__file__).resolve().parents[4]
    if not (here / ".git").exists():
        return None
    try:
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def processor() -> str:
    """Name of the processor."""
    if sys.platform.startswith("linux"):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="ignore").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def model_card(header: weights.Header, rows: Mapping[str, Mapping[str, float]]) -> str:
    """The card of trained weights, in Markdown."""
    card, sizes = header.card, header.sizes
    told = {
        "Method": header.method,
        "Fields": ", ".join(f"{k} {v}" for k, v in header.fields.items()) or "none",
        "Sizes": ", ".join(f"{k} {v:g}" for k, v in sizes.items()),
        "Parameters": f"{card['parameters']:,}",
        "Sensor": header.sensor or "not told",
        "Bands": ", ".join(header.bands) or "not told",
        "Geometry": header.convention,
        "Data": card.get("data") or "not told",
        "Licence of the data": card.get("licence") or "not told: ask who made these weights before passing them on",
        "Steps": f"{card['steps']:,} (weights of step {card['best_step']:,})",
        "Time": f"{card['seconds']:,.0f} s",
        "Hardware": card["hardware"],
        "Not for": card.get("not_for") or NOT_FOR,
    }
    lines = [f"# {header.method}", "", "| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in told.items())]
    if any(rows.values()):
        names = list(next(row for row in rows.values() if row))
        lines += [
            "",
            "Figures on the held-out scenes:",
            "",
            f"| | {' | '.join(names)} |",
            f"|---{'|---' * len(names)}|",
        ]
        for name, row in rows.items():
            if row:
                lines.append(f"| {name} | {' | '.join(f'{row[n]:.4g}' if n in row else '' for n in names)} |")
    else:
        lines += ["", "No scene was held out: nothing is known about how these weights do on others."]
    return "\n".join(lines) + "\n"


NOT_FOR = (
    "sensors, ratios and band orders other than these; products whose figures were not checked on scenes of their own"
)

"""The manifest of a benchmark: by what its figures came about, and whether they come about again."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earthloom.benchmarking.board import Leaderboard
from earthloom.benchmarking.entrants import FOLD, Contestant, Entrant, Products, digest
from earthloom.benchmarking.protocol import Protocol, of
from earthloom.benchmarking.row import code
from earthloom.documents import field, objects, parsed, text_of
from earthloom.errors import FileError
from earthloom.methods import catalog
from earthloom.version import __version__
from earthloom.weights import store

KIND, FORMAT = "earthloom bench", 1
PACKAGES = ("numpy", "scipy", "numba", "torch", "rasterio")
CLOSE = 1e-6  # relative: other processors sum in another order


@dataclass(frozen=True)
class Told:
    """A manifest that was read: what it asks for, and the figures that it gives.

    Parameters
    ----------
    protocol
        As it was.
    data, methods, products, scale, scenes
        As they were given; products by their names.
    files
        Name and SHA-256 of every input.
    figures
        Entrant to scene to figure to number.
    """

    protocol: Protocol
    data: tuple[str, ...]
    methods: tuple[str, ...]
    products: Mapping[str, str]
    scale: float
    scenes: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    figures: Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Again:
    """A benchmark beside the one of a manifest.

    Parameters
    ----------
    same, close
        Figures that are equal to the last bit, and to a millionth besides.
    apart
        ``ENTRANT, SCENE, FIGURE: then, now`` of all others, and of those that are missing.
    inputs
        Files that are not what they were.
    """

    same: int
    close: int
    apart: tuple[str, ...]
    inputs: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether it is the same table."""
        return not self.apart and not self.inputs

    def __str__(self) -> str:
        """In words."""
        total = self.same + self.close + len(self.apart)
        words = f"{self.same} of {total} figures are those of the manifest to the last bit"
        words += f", {self.close} more to a millionth" if self.close else ""
        lines = [f"not what it was: {one}" for one in self.inputs]
        return "\n".join([words, *lines, *self.apart[:20]])

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"same": self.same, "close": self.close, "apart": list(self.apart), "inputs": list(self.inputs)}


def manifest_of(
    board: Leaderboard, given: Sequence[str], files: Sequence[Path], entrants: Sequence[Entrant], command: Sequence[str]
) -> dict[str, Any]:
    """All that somebody else needs for the same figures, and the figures.

    Parameters
    ----------
    given, files
        The data as they were named, and all files behind them.
    command
        What was typed.
    """
    protocol = board.protocol
    figures: dict[str, dict[str, Any]] = {}
    for row in board.rows:
        figures.setdefault(row.entrant, {})[row.scene] = dict(row.figures)
    return {
        "kind": KIND, "format": FORMAT, "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "versions": versions(), "code_sha256": code(), "command": list(command),
        "protocol": {"name": protocol.name, "sha256": protocol.sha256, "toml": protocol.text},
        "data": list(given), "scenes": list(board.scenes),
        "inputs": [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": digest(path)} for path in files
        ],
        "methods": [one.about() | _weights(one, board) for one in entrants if isinstance(one, Contestant)],
        "products": [one.about() for one in entrants if isinstance(one, Products)],
        "figures": figures, "keys": {f"{row.entrant} {row.scene}": row.key for row in board.rows if row.key},
        "failed": [{"name": row.entrant, "scene": row.scene, "why": row.why} for row in board.failures],
    }  # fmt: skip


def _weights(one: Contestant, board: Leaderboard) -> dict[str, Any]:
    """SHA-256 of the weights that a network ran with, where it did."""
    if not catalog.is_network(one.name, one.problem):
        return {}
    told, folds = one.fields.get("weights"), board.protocol.folds
    given = dict.fromkeys(str(told).replace(FOLD, fold) for fold in folds or [""]) if told else ()
    headers = [store.read_header(path) for path in given] or list(store.shipped_weights(f"{one.problem}/{one.name}"))
    return {"weights": [{"name": header.name, "sha256": digest(Path(header.path))} for header in headers]}


def versions() -> dict[str, str]:
    """Of what figures depend on."""
    found = {"earthloom": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read(path: Path) -> Told:
    """A manifest from its file.

    Raises
    ------
    FileError
        If it is none.
    """
    where = path.name
    try:
        told = parsed(text_of(path))
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise FileError(f"{path} is no manifest of a benchmark", "manifest.json of `earthloom bench`")
    if told.get("format") != FORMAT:
        raise FileError(f"{path} is of format {told.get('format')!r}", f"{FORMAT}", "a newer Earthloom wrote it")
    about, products = field(told, "protocol", dict, where), objects(told, "products", where)
    methods = [field(one, "label", str, where) for one in objects(told, "methods", where)]
    inputs = objects(told, "inputs", where)
    files = [(field(one, "name", str, where), field(one, "sha256", str, where)) for one in inputs]
    return Told(
        of(field(about, "toml", str, where), field(about, "name", str, where)), tuple(field(told, "data", list, where)),
        tuple(methods), {field(one, "label", str, where): field(one, "folder", str, where) for one in products},
        next((field(one, "scale", float, where) for one in products), 1.0), tuple(field(told, "scenes", list, where)),
        tuple(files), field(told, "figures", dict, where),
    )  # fmt: skip


def again(told: Told, board: Leaderboard, files: Sequence[Path]) -> Again:
    """Whether a benchmark of some files gives the figures of a manifest."""
    now = {(row.entrant, row.scene): row.figures for row in board.rows}
    same, close, apart = 0, 0, []
    for entrant, rows in told.figures.items():
        for scene, figures in rows.items():
            own = now.get((entrant, scene), {})
            for name, number in figures.items():
                value = own.get(name)
                if value == number:
                    same += 1
                elif value is not None and math.isclose(value, number, rel_tol=CLOSE, abs_tol=CLOSE):
                    close += 1
                else:
                    apart.append(f"{entrant}, {scene}, {name}: {number} then, {value} now")
    before, have = set(told.files), {(path.name, digest(path)) for path in files}
    inputs = tuple(sorted(name for name, _ in before - have))
    return Again(same, close, tuple(apart), inputs)


def dumped(manifest: Mapping[str, Any]) -> bytes:
    """As JSON; numbers come back as they were."""
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()

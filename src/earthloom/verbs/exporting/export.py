"""`earthloom.export`: a network as an ONNX file, for programs that know nothing of Earthloom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthloom.atomic import write_whole
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.exporting import graph_of
from earthloom.methods.networks.network import Network
from earthloom.methods.networks.tables import LutNetwork
from earthloom.raster.write.place import require_beside
from earthloom.verbs.names import commands
from earthloom.weights import store
from earthloom.weights.header import Header

SUFFIX = ".onnx"
LARGEST_TILE = 8192


@dataclass(frozen=True)
class Exported:
    """A network as a file.

    Parameters
    ----------
    path
        The file.
    about
        What it says about its graph: method, weights with their SHA-256, licence, inputs and output, halo.
    differs
        Largest difference to torch on images of several sizes, in parts of the range of the output.
    """

    path: Path
    about: dict[str, Any]
    differs: float

    def __str__(self) -> str:
        about = self.about
        lines = [f"{self.path}: {about['method']} with weights '{about['weights']}'"]
        for port in about["inputs"]:
            channels = f"{port['channels']} of every band" if port["each"] else f"{port['channels']}"
            shape = f"(batch, {channels}, {port['flat'] or 'y, x'})"
            lines.append(f"  in   {port['name']} {shape}: {port['holds']}")
        lines.append(f"  out  {about['output']['name']}: {about['output']['holds']}")
        lines.append(f"  differs from torch by {self.differs:.1g} of the range, on images of several sizes")
        return "\n".join(lines)


def export(
    method: str,
    output: str | Path,
    *,
    problem: str | None = None,
    weights: str | None = None,
    bands: int = 0,
    tile: int = 0,
    overwrite: bool = False,
) -> Exported:
    """Write a network as an ONNX graph that takes any height, width and number of images.

    The graph is compared with torch on images of several sizes before the file gets its name, and says in its
    metadata what goes in, what comes out and what it is not for. ``method="onnx:FILE"`` runs it here.

    Parameters
    ----------
    method
        Name of a network, such as ``cf2n``.
    output
        .onnx to write.
    problem
        Where several have a network of this name: ``pansharpening``, or the verb ``pansharpen``.
    weights
        A .safetensors file, the folder of a run, or shipped weights (default: those that ship, where there is one).
    bands
        How many a cube has, for networks of ``superresolve``, whose graph has to know it.
    tile
        A fixed side of what goes in, and a batch of one, for programs that want one; 0: any.
    overwrite
        Replace an existing file.

    Returns
    -------
    Exported

    Raises
    ------
    EarthloomError
        If there is no such network, several weights would do, or it cannot be written.

    Examples
    --------
    $ earthloom export cf2n --weights generic_4to1 -o cf2n.onnx
    $ earthloom export coarsr --weights cubes_4to1 --bands 31 -o coarsr.onnx
    """
    name, job = _named(method, problem, weights)
    header = _weights(name, job, weights)
    require_beside(output, "the output", SUFFIX, [header.path], overwrite)
    if not 0 <= tile <= LARGEST_TILE:
        raise InputError(f"a tile of {tile} pixels", f"1 to {LARGEST_TILE}, or 0 for any size")
    if bands < 0:
        raise InputError(f"{bands} bands", "how many the cube has")
    graph = graph_of(header, bands, tile)
    return Exported(write_whole(Path(output), graph.data), graph.about, graph.differs)


def _named(method: str, problem: str | None, weights: str | None) -> tuple[str, str]:
    """Name and problem of a network; where several problems have one of the name, that of the weights.

    Raises
    ------
    InputError
        If there is no such problem, or several have a network of this name.
    MethodError
        If it is no network of ours.
    """
    told, _, name = method.rpartition("/")
    jobs = {verb: one.problem for verb, one in commands().items()}
    asked = jobs.get(told or problem or "", told or problem)
    if asked is not None and asked not in catalog.problems():
        raise InputError(f"no problem '{asked}'", f"one of {', '.join(catalog.problems())}")
    key = name.lower().replace("-", "_")
    nets = [job for job in catalog.problems() if key in catalog.names(job) and catalog.is_network(key, job)]
    homes = [job for job in nets if not catalog.in_a_file(key, job)]
    if asked is None and len(homes) > 1 and weights is not None:
        asked = next((job for job in homes if store.read_header(weights).method == f"{job}/{key}"), None)
    if asked is None and len(homes) > 1:
        raise InputError(f"'{key}', a network of {' and '.join(homes)}", "which of them", f"`problem={homes[0]}`")
    job = asked or (homes[0] if homes else "pansharpening")
    if not issubclass(catalog.find(key, job), (Network, LutNetwork)):
        raise MethodError(
            f"{catalog.find(key, job).card.name} to be written as ONNX", "a network of ours with its weights",
            "formulas are no graphs; `earthloom methods` lists the networks",
        )  # fmt: skip
    return key, job


def _weights(name: str, problem: str, asked: str | None) -> Header:
    """The weights that are asked for, or the only ones that ship.

    Raises
    ------
    MethodError
        If they are another network's, or nobody says which.
    """
    cls: Any = catalog.find(name, problem)
    key = f"{problem}/{cls.card.weights_of or name}"
    if asked is None:
        shipped = store.shipped_weights(key)
        if len(shipped) != 1:
            have = ", ".join(header.name for header in shipped)
            raise MethodError(
                f"{cls.card.name} without weights", f"one of {have}" if have else "weights of your own", "`weights`"
            )
        return shipped[0]
    header = store.read_header(asked)
    if header.method != key:
        raise MethodError(f"weights '{header.name}' of {header.method}", f"weights of {key}")
    return header

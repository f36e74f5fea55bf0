"""`earthloom export`: a network as an ONNX file."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Switch = Parameter(negative="", show_default=False)


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return export


def export(
    method: str,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    problem: str | None = None,
    weights: str | None = None,
    bands: int = 0,
    tile: int = 0,
    overwrite: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
) -> None:
    """Write a network as an ONNX file for other programs.

    It takes any height, width and number of images, is compared with torch before the file gets its name, and says in
    its metadata what goes in, what comes out and what it is not for. `-m onnx:FILE` runs it here.

    Parameters
    ----------
    method
        Name of a network, such as cf2n; where two jobs share it, pansharpen/cf2n.
    output
        .onnx to write.
    problem
        Where several jobs have a network of this name: which.
    weights
        A .safetensors file, the folder of a run, or shipped weights (default: those that ship, where there is one).
    bands
        How many a cube has, for networks of superresolve, whose graph has to know it.
    tile
        A fixed side of what goes in, and one image at a time, for programs that want one; 0: any.
    overwrite
        Replace an existing file.
    json
        Print what the file says about itself as JSON.
    """
    from earthloom.verbs.exporting.export import export as write

    found = write(
        method, output, problem=problem, weights=weights, bands=bands, tile=tile, overwrite=overwrite
    )  # fmt: skip
    print(js.dumps({**found.about, "path": str(found.path), "differs": found.differs}, indent=2) if json else found)

"""`earthloom info FILE`: grid, bands, scaling, statistics, provenance."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import Parameter


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return info


def info(
    file: Annotated[str, Parameter(help="Any image: a GeoTIFF, ENVI, .mat, .h5, a Landsat folder ...")],
    /,
    *,
    json: Annotated[bool, Parameter(help="Print JSON.", negative="")] = False,
) -> None:
    """Tell what an image file holds and how a product was made."""
    from earthloom.raster.provenance import describe

    found = describe(file)
    if json:
        print(js.dumps(found, indent=2, default=str))
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    """For people."""
    bands, history = found.pop("bands"), found.pop("provenance", None)
    for key, value in found.items():
        if value is not None:
            text = " x ".join(f"{v:g}" for v in value) if isinstance(value, list) else value
            print(f"{key.replace('_', ' '):<15} {text}")
    print(f"\n{'band':<6}{'name':<14}{'nm':>8}{'min':>12}{'mean':>12}{'max':>12}{'std':>12}")
    for number, band in enumerate(bands, 1):
        centre = f"{band['wavelength_nm']:.0f}" if band["wavelength_nm"] else ""
        figures = "".join(
            f"{band[k]:>12.5g}" if band[k] is not None else f"{'-':>12}" for k in ("min", "mean", "max", "std")
        )
        print(f"{number:<6}{band['name'][:13]:<14}{centre:>8}{figures}")
    scaled = next((b for b in bands if b["scale"] != 1 or b["offset"] != 0), None)
    if scaled:
        print(f"\nfigures in physical units: {scaled['scale']:.6g} * number {scaled['offset']:+.6g}")
    if history:
        print("\nmade by Earthloom")
        for key, value in history.items():
            print(f"  {key:<12} {value}")

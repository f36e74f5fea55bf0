"""`earthloom info FILE`: grid, bands, scaling, statistics, provenance."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from earthloom.cli.screen import strict


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return info


def info(
    file: Annotated[str, Parameter(help="Any image: a GeoTIFF, ENVI, .mat, .h5, a Landsat folder ...")],
    /,
    *,
    json: Annotated[bool, Parameter(help="Print JSON.", negative="", show_default=False)] = False,
) -> None:
    """Tell what an image file holds and how a product was made."""
    from earthloom.verbs.info import info as look

    found = look(file)
    if json:
        print(js.dumps(strict(found), indent=2, default=str, allow_nan=False))
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    """For people."""
    bands, history = found.pop("bands"), found.pop("provenance", None)
    for key, value in found.items():
        if value is not None:
            print(f"{key.replace('_', ' '):<15} {_value(key, value)}")
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
            for line, text in enumerate(_lines(value)):
                print(f"  {key if line == 0 else '':<12} {text}")


def _value(key: str, value: Any) -> str:
    """One entry of the header: places with every digit that matters."""
    if key == "valid_fraction":
        return f"{value:.2%} of the pixels"
    if isinstance(value, list):
        return ("{}, {}" if key == "origin" else "{} x {}").format(*(f"{v:.12g}" for v in value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lines(value: Any) -> list[str]:
    """An entry of the provenance: inputs a line each, parameters as ``name = value``."""
    if not isinstance(value, dict):
        return [str(value)]
    lines = []
    for name, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], dict):
            for each in item:
                known = [each["name"], f"{each['bytes']:,} bytes" if "bytes" in each else ""]
                known += [f"sha256 {each['sha256'][:12]}..." if "sha256" in each else each.get("modified", "")]
                lines.append(f"{name:<4} " + "  ".join(text for text in known if text))
        else:
            lines.append(f"{name} = {item}")
    return lines or ["-"]

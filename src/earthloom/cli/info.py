"""Look at images: `earthloom info FILE` tells what one holds, `earthloom view FILE ...` shows it in the browser."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from earthloom.cli.parameters import as_flags
from earthloom.cli.screen import strict

WORDS = {"known_by": "bands known by", "nothing": "nothing is", "numbers": "numbers are"}
ROLES = {"pan": "a panchromatic image", "mask": "a mask of clouds"}
MOST = 40  # bands that are listed


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return view if name == "view" else info


def info(
    file: Annotated[str, Parameter(help="Any image: a GeoTIFF, ENVI, .mat, .h5, a product ...")],
    /,
    *,
    sensor: Annotated[str | None, Parameter(help="Sensor whose bands it is taken for.")] = None,
    json: Annotated[bool, Parameter(help="Print JSON.", negative="", show_default=False)] = False,
) -> None:
    """Tell what an image file or product holds, how it is understood, and what may be wrong with it."""
    from earthloom.verbs.info import info as look

    found = look(file, sensor)
    if json:
        print(js.dumps(strict(found), indent=2, default=str, allow_nan=False))
    else:
        _print(found)


def view(
    *files: Annotated[str, Parameter(help="Images, and folders of images; days in their names make a series.")],
    port: Annotated[int, Parameter(help="Of this machine; 0: a free one. The same port, the same links.")] = 0,
    browser: Annotated[bool, Parameter(help="Open the browser.")] = True,
) -> None:
    """Look at images in the browser: side by side, their differences, spectra and records.

    The page is served to this machine alone and holds what is named, nothing else. Ctrl-C stops it.
    """
    from earthloom.errors import InputError
    from earthloom.viewer.serve import view as serve

    if not files:
        raise InputError("no file to show", "images or a folder", "`earthloom view sharp.tif ms.tif`")
    serve(files, port=port, browser=browser, tell=lambda line: print(line, flush=True))


def _print(found: dict[str, Any]) -> None:
    """For people."""
    bands, history = found.pop("bands"), found.pop("provenance", None)
    words = {key: found.pop(key, None) for key in WORDS}
    lists = {key: found.pop(key, None) or [] for key in ("beside", "also", "suspicious")}
    for key, value in found.items():
        if value is not None:
            print(f"{key.replace('_', ' '):<15} {_value(key, value)}")
    _table(bands)
    print()
    for key, label in WORDS.items():
        print(f"{label:<15} {as_flags(words[key])}")
    for other in lists["also"]:
        size = "{} x {} pixels".format(*other["shape"])
        each = " of {:g} x {:g}".format(*other["pixel"]) if other["pixel"] else ""
        what = ROLES.get(other["role"]) or f"coarser bands ({', '.join(other['names'])})"
        print(f"{'holds also':<15} {what}, {size}{each}")
    if lists["beside"]:
        print(f"{'beside it lie':<15} {', '.join(lists['beside'])}")
    for sentence in lists["suspicious"]:
        print(f"{'look at':<15} {as_flags(sentence)}")
    if history:
        print("\nmade by Earthloom")
        for key, value in history.items():
            for line, text in enumerate(_lines(value)):
                print(f"  {key if line == 0 else '':<12} {text}")


def _table(bands: Sequence[dict[str, Any]]) -> None:
    """A line for each band; of hundreds those at the ends."""
    taken, partly = any(b["taken_for"] for b in bands), len({round(b["valid_fraction"], 4) for b in bands}) > 1
    print(
        f"\n{'band':<6}{'name':<14}{'taken for' if taken else '':<{14 if taken else 0}}{'nm':>8}{'min':>12}{'mean':>12}"
        f"{'max':>12}{'std':>12}{'valid' if partly else '':>{9 if partly else 0}}"
    )
    shown = list(enumerate(bands, 1))
    for number, band in shown if len(shown) <= MOST else [*shown[: MOST // 2], *shown[-MOST // 2 :]]:
        if len(shown) > MOST and number == shown[-MOST // 2][0]:
            print("...")
        centre = f"{band['wavelength_nm']:.0f}" if band["wavelength_nm"] else ""
        figures = "".join(
            f"{band[k]:>12.5g}" if band[k] is not None else f"{'-':>12}" for k in ("min", "mean", "max", "std")
        )
        own = f"{band['taken_for'] or '':<14}" if taken else ""
        seen = f"{band['valid_fraction']:>9.1%}" if partly else ""
        print(f"{number:<6}{band['name'][:13]:<14}{own}{centre:>8}{figures}{seen}{'  bad' if band['bad'] else ''}")


def _value(key: str, value: Any) -> str:
    """One entry of the header: places with every digit that matters."""
    if key == "crs" and "PROJECTION[" in value:  # no code: its method, the rest is for --json
        return f"{value.partition('PROJECTION[')[2].split(chr(34))[1]}, without a code"
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
            told = ", ".join(f"{key} {one}" for key, one in item.items()) if isinstance(item, dict) else item
            lines.append(f"{name} = {told}")
    return lines or ["-"]

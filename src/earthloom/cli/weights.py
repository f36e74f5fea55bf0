"""`earthloom weights`: list the shipped weights, tell about a file of them, bring in checkpoints of authors."""

from __future__ import annotations

import json as js
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from earthloom.weights.header import Header

Json = Annotated[bool, Parameter(help="Print JSON.", negative="", show_default=False)]


def command(name: str, arguments: Sequence[str]) -> App:
    """The commands below ``weights``."""
    about = "List weights of networks, tell about a file of them, bring in checkpoints of authors."
    app = App(name=name, help=about, help_format="markdown", result_action="return_value")
    app.command(bring_in, name="import")
    app.command(listing, name="list")
    app.command(show, name="show")
    return app


def bring_in(
    checkpoint: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    sensor: str | None = None,
    half: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Turn an authors' checkpoint into weights of ours.

    The network is told by the names and shapes of its tensors. The file is read without running code that it holds.

    Parameters
    ----------
    checkpoint
        .pth, .pt or .ckpt of CoarSR, or of a network of the DLPan toolbox, PanBench or ADWM.
    output
        .safetensors to write, for --weights (default: its name, in the current folder).
    sensor
        Sensor that it was trained for (default: by the names of file and folder, such as WV3).
    half
        Store half precision: half the size.
    overwrite
        Replace an existing output.
    """
    from earthloom.raster.write.place import require_beside
    from earthloom.weights import store as weights
    from earthloom.weights.checkpoints.reading import read_checkpoint

    output = Path(f"{Path(checkpoint).stem}{weights.SUFFIX}") if output is None else output
    require_beside(output, "the output", weights.SUFFIX, [checkpoint], overwrite)
    header, tensors = read_checkpoint(checkpoint)
    header = _made_for(header, sensor or _named(checkpoint))
    weights.write(output, header, tensors, half)
    print(f"{output}: {_line(header)}, {sum(t.size for t in tensors.values()):,} parameters")
    print(f"{header.card['licence']}\nruns with -m {header.method.rpartition('/')[2]} --weights {output}")


def _named(checkpoint: str) -> str | None:
    """The sensor that the names of a file and its folder tell."""
    import re

    from earthloom.errors import SensorError
    from earthloom.sensors.registry import load

    path = Path(checkpoint)
    for word in (*re.split(r"[\W_]+", path.stem), path.resolve().parent.name):
        try:
            if word.isupper():  # WV3, QB, GF2: no word of a language, no name of a network in small letters
                return load(word).title
        except SensorError:
            continue
    return None


def _made_for(header: Header, sensor: str | None) -> Header:
    """The header with a sensor's bands, in the order of the network's.

    Raises
    ------
    InputError
        If the sensor has other bands.
    """
    from dataclasses import replace

    from earthloom.errors import InputError
    from earthloom.methods.networks.fitting import FAR_NM, bands_in_words
    from earthloom.sensors.match import match_bands
    from earthloom.sensors.registry import load

    if sensor is None or not header.bands:
        return header if sensor is None else replace(header, sensor=load(sensor).title)
    bands, found = match_bands(sensor, len(header.bands)), []
    for name, centre in zip(header.bands, header.centres_nm, strict=True):
        near = min(bands, key=lambda band: abs((band.centre_nm or 0) - (centre or 0)))
        if near in found or abs((near.centre_nm or 0) - (centre or 0)) > FAR_NM:
            raise InputError(
                f"{load(sensor).title}, which has no {name}",
                bands_in_words(zip(header.bands, header.centres_nm, strict=True)),
                "another sensor, or none",
            )
        found.append(near)
    return replace(
        header, sensor=load(sensor).title, bands=tuple(band.name for band in found),
        centres_nm=tuple(band.centre_nm for band in found),
    )  # fmt: skip


def listing(*, json: Json = False) -> None:
    """List the shipped weights."""
    from earthloom.weights import store as weights

    found = weights.shipped_weights()
    if json:
        print(js.dumps([_plain(header) for header in found], indent=2, default=str))
        return
    width = max((len(header.name) for header in found), default=0) + 2
    for header in found:
        print(f"  {header.name:<{width}}{_line(header)}")
    print("\n`earthloom weights show NAME` tells more, of files of your own too; --weights takes either.")


def show(name: str, /, *, json: Json = False) -> None:
    """Tell about weights.

    Parameters
    ----------
    name
        Shipped weights, a .safetensors file, the folder of a run, or an authors' .pth.
    """
    from earthloom.weights import store as weights

    header = weights.read_header(name)
    if json:
        print(js.dumps(_plain(header), indent=2, default=str))
        return
    for key, value in _plain(header).items():
        if isinstance(value, dict):
            print(key)
            for inner, item in value.items():
                print(f"  {inner:<18} {_text(item)}")
        elif value not in (None, "", [], ()):
            print(f"{key:<20} {_text(value)}")


def _line(header: Header) -> str:
    """Method, sizes, sensor."""
    bands = round(header.sizes.get("bands", 0)) or "any number of"
    target = header.card.get("target")
    to = f" to {target['sensor']}" if isinstance(target, dict) and target.get("sensor") else ""
    made = f", made for {header.sensor}{to}" if header.sensor else ""
    ratio = header.sizes.get("ratio", 0)
    return f"{header.method}, {bands} bands at {f'{ratio:g}:1' if ratio else 'any ratio'}{made}"


def _plain(header: Header) -> dict[str, Any]:
    """A header as plain data."""
    from dataclasses import asdict

    found = asdict(header)
    return {"name": found.pop("name"), **{k: v for k, v in found.items() if k != "path"}}


def _text(value: Any) -> str:
    """A value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join("-" if item is None else _text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {item:.4g}" if isinstance(item, float) else f"{key} {_text(item)}" for key, item in value.items()
        )
    return f"{value:g}" if isinstance(value, float) else str(value)

"""`earthloom pansharpen`: the flags of the method are the fields of its dataclass."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter

from earthloom.cli.fields import field_helps
from earthloom.cli.screen import Screen, show_warnings
from earthloom.methods import catalog

DEFAULT = "gsa"
FILES, RUN = Group.create_ordered("Files"), Group.create_ordered("Run")
Flag = Annotated[bool, Parameter(group=RUN, negative="", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class Run:
    """How to run, whatever the method.

    Parameters
    ----------
    sensor
        Sensor name or TOML file; sets the MTF gains (default: from the metadata, else generic, MTF 0.3).
    register
        Correct the displacement between MS and PAN, which is always measured.
    convention
        Where MS samples lie on files without georeferencing: `centre`, or `toolbox` for MATLAB benchmarks.
    threads
        Tiles worked on at a time (default: one a core).
    tile_size
        Side of a tile in PAN pixels. The result does not depend on it.
    refine
        Back-projections after fusing, which make the product agree with the MS; 0 for none.
    compress
        zstd and deflate write a COG with overviews, none a plain tiled GeoTIFF, the fastest.
    dtype
        Type of the output, such as uint16 or float32 (default: that of the MS).
    nodata
        Code of missing pixels in the inputs and the output, instead of what the files say.
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    overwrite
        Replace an existing output.
    verbose
        Say what is done and why.
    quiet
        No progress bar, no summary; warnings stay.
    """

    sensor: Annotated[str | None, Parameter(group=RUN)] = None
    register: Flag = False
    convention: Annotated[Literal["centre", "toolbox"] | None, Parameter(group=RUN)] = None
    threads: Annotated[int | None, Parameter(group=RUN)] = None
    tile_size: Annotated[int, Parameter(group=RUN)] = 512
    refine: Annotated[int, Parameter(group=RUN)] = 0
    compress: Annotated[Literal["zstd", "deflate", "none"], Parameter(group=RUN)] = "zstd"
    dtype: Annotated[str | None, Parameter(group=RUN)] = None
    nodata: Annotated[float | None, Parameter(group=RUN)] = None
    ignore_georeferencing: Flag = False
    overwrite: Flag = False
    verbose: Annotated[Flag, Parameter(name=["--verbose", "-v"])] = False
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return _with_fields(catalog.find(_method_in(arguments)))


def _method_in(arguments: Sequence[str]) -> str:
    """Value of `--method`, the default without one."""
    for at, argument in enumerate(arguments):
        if argument.startswith(("--method=", "-m=")):
            return argument.split("=", 1)[1]
        if argument in ("--method", "-m") and at + 1 < len(arguments):
            return arguments[at + 1]
    return DEFAULT


def pansharpen(
    *,
    pan: Annotated[str, Parameter(group=FILES)],
    ms: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Sharpen a multispectral image with a panchromatic one.

    Parameters
    ----------
    pan
        Panchromatic image: a file, or a Landsat folder.
    ms
        Multispectral image: a file, a file per band, or a Landsat folder.
    output
        GeoTIFF to write, on the grid of the PAN.
    method
        Name of a method; `earthloom methods` lists them.
    """
    sharpen(pan, ms, output, catalog.make(method, **chosen), run or Run())


def _with_fields(method_class: type[Any]) -> Callable[..., None]:
    """The command with the fields of a method as further flags."""

    lists = {name for name, hint in get_type_hints(method_class).items() if _takes_numbers(hint)}

    def with_fields(**arguments: Any) -> None:
        pansharpen(**{k: _word_or_numbers(v) if k in lists else v for k, v in arguments.items()})

    signature = inspect.signature(pansharpen, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    group = Group(f"Fields of {method_class.card.name}")
    helps, hints = field_helps(method_class), get_type_hints(method_class)
    for field in fields(method_class):
        negative = f"--no-{field.name.replace('_', '-')}" if field.default is True else ""
        flag = Parameter(group=group, help=helps.get(field.name, ""), negative=negative, consume_multiple=True)
        kind = inspect.Parameter.KEYWORD_ONLY
        hint = Annotated[list[str] | None if field.name in lists else hints[field.name], flag]
        parameters.append(inspect.Parameter(field.name, kind, default=field.default, annotation=hint))
    with_fields.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_fields.__annotations__ = {p.name: p.annotation for p in parameters}
    card = method_class.card
    own = f"The last flags are those of {card.name}" if fields(method_class) else f"{card.name} has no flags of its own"
    more = f"{own} ({card.title}); `-m NAME --help` shows those of another method."
    with_fields.__doc__ = (inspect.getdoc(pansharpen) or "").replace("\n\n", f"\n\n{more}\n\n", 1)
    return with_fields


def _takes_numbers(hint: Any) -> bool:
    """Whether a field may hold several numbers, such as one weight for each band."""
    return any(get_origin(one) is tuple for one in (hint, *get_args(hint)))


def _word_or_numbers(given: Any) -> Any:
    """``mean``, or ``0.2 0.3 0.5``."""
    if not isinstance(given, list):
        return given
    try:
        return tuple(float(word) for word in given)
    except ValueError:
        return given[0] if len(given) == 1 else " ".join(given)


def sharpen(pan: str | Path, ms: Sequence[str | Path], output: Path, method: Any, run: Run) -> None:
    """Run, with a progress bar and a line at the end."""
    from earthloom.cli.process import tune

    tune()  # before GDAL reads its settings
    from earthloom.engine.files import sharpen_files
    from earthloom.engine.verbs import Options
    from earthloom.methods.refine import refined

    found: dict[str, float] = {}
    with Screen(run.quiet, run.verbose) as screen, warnings.catch_warnings():
        show_warnings(screen)
        options = Options(
            sensor=run.sensor, convention=run.convention, register=run.register, threads=run.threads,
            tile_size=run.tile_size, nodata=run.nodata, dtype=run.dtype, compress=run.compress,
            overwrite=run.overwrite, ignore_georeferencing=run.ignore_georeferencing,
            progress=screen.progress, say=screen.say if run.verbose else None, measured=found.update,
        )  # fmt: skip
        path = sharpen_files(pan, list(ms), output, refined(method, run.refine), options)
        line = f"{path} ({Path(path).stat().st_size / 1e6:.1f} MB)"
        if found:
            line += f", residual {found['before_percent']:.3g} -> {found['after_percent']:.3g} %"
        screen.done(line)

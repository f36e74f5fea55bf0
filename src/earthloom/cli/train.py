"""`earthloom train`: flags are the fields of the configuration and those of the network."""

from __future__ import annotations

import inspect
import json as js
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Group, Parameter

from earthloom.cli.fields import field_helps
from earthloom.cli.screen import Screen, show_warnings, strict
from earthloom.errors import FileError, InputError
from earthloom.training.loop.config import Config, closest_word, read_toml

FILES, TRAINING = Group.create_ordered("Files"), Group.create_ordered("Training")
Flag = Annotated[bool, Parameter(group=FILES, negative="", show_default=False)]
READ = ("sensor", "convention", "bands", "scale", "maximum", "ignore_georeferencing")  # how data are read
RUNTIME = ("precision", "ensemble")  # fields of a network that training has itself, or has no use for
HELPS = {"weights": "Weights to start from instead of random ones: a file, the folder of a run, or a shipped name."}


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the network that the arguments name."""
    after = list(arguments[list(arguments).index(name) + 1 :])
    return _with_flags(after[0] if after and not after[0].startswith("-") else None)


def train(
    method: Annotated[str, Parameter(group=FILES)],
    /,
    *,
    data: Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")] = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    validation: Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")] = None,
    sensor: Annotated[str | None, Parameter(group=FILES)] = None,
    convention: Annotated[str | None, Parameter(group=FILES)] = None,
    bands: Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")] = None,
    scale: Annotated[float | None, Parameter(group=FILES)] = None,
    maximum: Annotated[float | None, Parameter(group=FILES)] = None,
    ignore_georeferencing: Flag = False,
    limit: Annotated[int | None, Parameter(group=FILES)] = None,
    licence: Annotated[str | None, Parameter(group=FILES)] = None,
    not_for: Annotated[str | None, Parameter(group=FILES)] = None,
    config: Annotated[Path | None, Parameter(group=FILES)] = None,
    resume: Flag = False,
    overwrite: Flag = False,
    json: Flag = False,
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False,
    **chosen: Any,
) -> None:
    """Train a network on scenes, and write a folder with its weights.

    A run that was stopped goes on when the same command is given again.

    Parameters
    ----------
    method
        Network, such as `pansharpening/cf2n`; `earthloom train NETWORK --help` shows its flags.
    data
        Scenes: files and folders of GeoTIFFs, HDF5, MATLAB, Landsat, SEN12MS-CR; cubes, CAVE's folders.
    output
        Folder of the run.
    validation
        Other scenes, which choose the best weights and give the figures.
    sensor
        Sensor name or TOML file (default: what the data say).
    convention
        `centre` or `toolbox` (default: what the data say); of cubes `bicubic` or `centre` (the sensor's MTF).
    bands
        Names of the MS bands in the order of the files.
    scale
        Physical units are so many times the numbers of the files.
    maximum
        Largest number that can occur (default: that of the sensor's bit depth).
    ignore_georeferencing
        Lay the upper left corners on each other, whatever the files say.
    limit
        At most so many scenes, spread evenly.
    licence
        Licence of the data, for the card.
    not_for
        What the weights should not be used for, for the card.
    config
        TOML file with any of these settings (tables [run] for those of this group, [network] for the network's).
    resume
        Go on with the run in the output folder, with its own settings.
    overwrite
        Begin anew in a folder that holds a run.
    json
        Print what came of it as JSON: steps, seconds, figures on the validation scenes, no fusion beside.
    quiet
        No progress, no summary; warnings stay.
    """
    from earthloom.training.job import first_process
    from earthloom.verbs.train import train as run

    told = {
        "data": data, "validation": validation, "sensor": sensor, "convention": convention, "bands": bands,
        "scale": scale, "maximum": maximum, "ignore_georeferencing": ignore_georeferencing or None, "limit": limit,
        "licence": licence, "not_for": not_for,
    }  # fmt: skip
    told = {key: value for key, value in told.items() if value is not None}
    if resume and config is None:
        config = output / "config.toml"
        if not config.is_file():
            raise FileError(f"{output} holds no run to resume", "a folder with config.toml", "leave out --resume")
    told = {**_in_file(config, method), **told}
    if "data" not in told:
        raise InputError("nothing to train on", "--data PATH ...")
    chosen = {key: value for key, value in chosen.items() if value is not None}
    with Screen(quiet or not first_process()) as screen, warnings.catch_warnings():
        show_warnings(screen)
        say = None if screen.quiet else screen.say
        result = run(
            method, output=output, config=config, resume=resume, overwrite=overwrite, progress=screen.progress, say=say,
            **told, **chosen,
        )  # fmt: skip
        if result.rank == 0:
            told = f"weights of step {result.best_step:,} of {result.steps:,}"
            screen.done(str(output / "weights.safetensors"), told)
            if json:
                came = {name: value for name, value in asdict(result).items() if name != "rank"}
                print(js.dumps(strict(came | {"folder": str(output)}), indent=2, allow_nan=False))


def _in_file(config: Path | None, method: str) -> dict[str, Any]:
    """What the file tells about the data."""
    from earthloom.training.job import data_options

    known = ["data", "validation", *READ, *data_options(method), "limit", "licence", "not_for"]
    run: Mapping[str, Any] = read_toml(config).get("run", {}) if config is not None else {}
    for key in run:
        if key not in (*known, "method"):
            raise InputError(f"no '{key}' in [run] of {config}", hint=closest_word(key, known))
    if run.get("method", method).rpartition("/")[2] != method.rpartition("/")[2]:
        raise InputError(
            f"{config} of {run['method']}", f"one of {method}", "leave out the key method, or another file"
        )
    return {key: value for key, value in run.items() if key != "method"}


def _with_flags(method: str | None) -> Callable[..., None]:
    """The command with the fields of the configuration and of a network as flags; those not given stay None."""

    def with_flags(*arguments: Any, **more: Any) -> None:
        train(*arguments, **more)

    signature = inspect.signature(train, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters += [_flag(field, Config, TRAINING) for field in fields(Config)]
    about = "`earthloom train NETWORK --help` shows the network's own flags."
    if method is not None:
        from earthloom.training.job import data_options, find_training

        network = type(find_training(method, {}))
        taken = {p.name for p in parameters}
        parameters += [_data_flag(name, *told) for name, told in data_options(method).items()]
        own = [field for field in fields(network) if field.name not in (*taken, *RUNTIME)]
        parameters += [_flag(field, network, Group(f"Fields of {network.card.name}")) for field in own]
        about = f"The last flags are those of {network.card.name} ({network.card.title})."
    with_flags.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_flags.__annotations__ = {p.name: p.annotation for p in parameters}
    with_flags.__doc__ = (inspect.getdoc(train) or "").replace("\n\n", f"\n\n{about}\n\n", 1)
    return with_flags


def _data_flag(name: str, kind: Any, told: str) -> inspect.Parameter:
    """A flag that says how the data of one problem are read: networks of others may have a field of that name."""
    flag = Parameter(group=FILES, help=told, negative="", show_default=False, consume_multiple=True)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, flag])


def _flag(field: Field[Any], owner: type[Any], group: Group) -> inspect.Parameter:
    """One field as a flag that is None unless given."""
    silent = any(field.default is nothing for nothing in (MISSING, None, False))
    default = "" if silent else f" [default: {field.default}]"
    negative = f"--no-{field.name.replace('_', '-')}" if field.default is True else ""
    told = (HELPS | field_helps(owner)).get(field.name, "").replace("``", "`")
    flag = Parameter(group=group, help=told + default, negative=negative, show_default=False)
    hint = Annotated[get_type_hints(owner)[field.name] | None, flag]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)

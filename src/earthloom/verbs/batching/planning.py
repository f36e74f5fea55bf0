"""What every row of a batch is to become, known and checked before the first is begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.raster.write.place import require_apart
from earthloom.verbs.batching.columns import image_parameters, main_image, require_known, values_of, verb_of
from earthloom.verbs.batching.journal import Asked, asked
from earthloom.verbs.batching.tables import Line, lines_of, named
from earthloom.verbs.declared import Verb

OF_THE_PRODUCT = ("adapt", "adapt_seconds", "adapt_steps", "dtype", "compress", "ignore_georeferencing")
ENDING = ".tif"


@dataclass(frozen=True)
class Planned:
    """A row as it will be made.

    Parameters
    ----------
    name
        Of the row, and of the product without its ending.
    verb
        That makes it.
    arguments
        Of the verb, but for the output.
    output
        The product.
    asked
        What it depends on.
    """

    name: str
    verb: str
    arguments: Mapping[str, Any]
    output: Path
    asked: Asked


def planned(name: str, rows: Any, folder: Path, same: Mapping[str, Any], run: Run) -> list[Planned]:
    """All rows.

    Raises
    ------
    EarthloomError
        If the rows cannot be read, one says what the verb does not take, or two would have one product.
    """
    verb = verb_of(name)
    main = main_image(verb)
    lines = lines_of(rows, main)
    _require_columns(verb, lines, same)
    _require_roles(verb, lines, same)
    every = [_arguments(verb, line, same) for line in lines]
    images = [_first(given.get(main)) or line.place for given, line in zip(every, lines, strict=True)]
    require_apart(folder, [Path(image) for image, line in zip(images, lines, strict=True) if line.met])
    names = named(lines, images)
    found, seen = [], dict[str, str]()
    for line, given, called in zip(lines, every, names, strict=True):
        output = _output(line, called, folder)
        low = str(output).casefold()
        if low in seen:
            raise InputError(f"{line.place}: the output {output.name}, as at {seen[low]}", "one for each row")
        seen[low] = line.place
        how = {one.name: getattr(run, one.name) for one in fields(Run) if one.name in OF_THE_PRODUCT}
        kept = {key: value for key, value in {**how, **given}.items() if key in how or not _of_running(key)}
        found.append(Planned(called, name, given, output, asked({"verb": name, **kept})))
    return found


def _of_running(name: str) -> bool:
    """Whether an argument says how to run, which the product does not depend on."""
    return name in {one.name for one in fields(Run)} and name not in OF_THE_PRODUCT


def _require_columns(verb: Verb, lines: Sequence[Line], same: Mapping[str, Any]) -> None:
    """Refuse columns that no row can use, at the place where they stand first."""
    heads = {head: line for line in reversed(lines) for head in line.cells}
    if not heads:
        return
    told = {str(head).strip().lower(): head for head in heads}.get("method")
    methods = {str(line.cells.get(told) or "").strip() for line in lines} if told is not None else {""}
    default = same.get("method")
    chosen = [one or default or verb.default({**same, **lines[0].cells}) for one in sorted(methods)]
    try:
        require_known(verb, list(heads), chosen)
    except InputError as wrong:
        raise _at(next(iter(heads.values())), wrong) from wrong


def _require_roles(verb: Verb, lines: Sequence[Line], same: Mapping[str, Any]) -> None:
    """Refuse STAC items without a word on which assets are which image."""
    if not any(line.item for line in lines):
        return
    first = next(line for line in lines if line.item)
    if first.filled(dict(same).get(main_image(verb))) == same.get(main_image(verb)):
        raise InputError(
            f"{first.place} without a word on its assets", f"keys of assets for {', '.join(image_parameters(verb))}",
            f"such as `{main_image(verb)}=#B02,B03`",
        )  # fmt: skip


def _arguments(verb: Verb, line: Line, same: Mapping[str, Any]) -> dict[str, Any]:
    """Of the verb for one row: what holds for all, and what the row says."""
    try:
        images = image_parameters(verb)
        filled = {key: line.filled(value) if key in images else value for key, value in same.items()}
        given = {**filled, **line.given, **values_of(verb, line.cells, same, line.base)}
        missing = main_image(verb)
        if _first(given.get(missing)) is None:
            raise InputError(f"no {missing}", "a column of this name, or one for all rows")
        return given
    except InputError as wrong:
        raise _at(line, wrong) from wrong


def _at(line: Line, wrong: InputError) -> InputError:
    """An error with the place where it stands."""
    return InputError(f"{line.place}: {wrong.given}", wrong.expected, wrong.hint)


def _first(value: Any) -> str | None:
    """The first path of an image; None where there is none."""
    while isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return str(value) if isinstance(value, (str, Path)) and str(value) else None


def _output(line: Line, called: str, folder: Path) -> Path:
    """The product of a row, which lies in the folder."""
    told = Path(line.output or f"{called}{ENDING}")
    place = folder / (told if told.suffix or not line.output else told.with_name(f"{told.name}{ENDING}"))
    if told.is_absolute() or ".." in told.parts:
        raise InputError(f"{line.place}: the output {told}", "a name in the folder of the products")
    return place

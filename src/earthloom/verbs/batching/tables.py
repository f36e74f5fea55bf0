"""The rows of a batch, out of tables, lists, patterns of names and STAC items; and how each of them is called."""

from __future__ import annotations

import csv
import glob
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from earthloom.documents import parsed, text_of
from earthloom.errors import FileError, InputError, warn
from earthloom.raster.formats import images_in, is_image
from earthloom.raster.places import archive_suffix

TABLES, LISTS = (".csv", ".tsv", ".txt"), (".json", ".geojson")
KINDS = "a table (.csv), a list of rows or STAC items (.json), a pattern such as 'scenes/*_ms.tif', or a folder"
MAGIC = re.compile(r"\*\*/|\*+|\?|\[[^]]*\]")  # what a pattern leaves open
SAFE = re.compile(r"[^\w.+=@ -]+")  # what is better not in the name of a file


@dataclass(frozen=True)
class Line:
    """A row as it was written.

    Parameters
    ----------
    place
        Where it stands, for messages.
    cells
        Text by the heads of the columns.
    given
        What is taken as it is, by parameter.
    base
        What paths in the cells are relative to.
    name
        Of the product, where it was told.
    output
        The file of the product in the folder, where it was told.
    wild
        What stood in the place of each sign that the pattern left open.
    item
        The STAC item: its file, and its name in there where there are several.
    met
        An image that was met in a folder, and is written down nowhere.
    """

    place: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    base: Path = Path()
    name: str = ""
    output: str = ""
    wild: tuple[str, ...] = ()
    item: str = ""
    met: bool = False

    def filled(self, value: Any) -> Any:
        """An argument of all rows as it is for this one: patterns and keys of assets filled in."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.filled(one) for one in value)
        if not isinstance(value, (str, Path)):
            return value
        text = str(value)
        if self.item and text.startswith("#"):
            return f"{self.item}{text[1:]}"
        if not self.wild or not MAGIC.search(text):
            return value
        parts = MAGIC.split(text)
        if len(parts) - 1 != len(self.wild):
            raise InputError(
                f"the pattern '{text}'", f"as many * as that of the batch, which has {len(self.wild)}",
                "each * stands for what the same one of the batch found",
            )  # fmt: skip
        return "".join(part + found for part, found in zip(parts, (*self.wild, ""), strict=True))


def lines_of(rows: Any, main: str) -> list[Line]:
    """The rows that a batch is given.

    Parameters
    ----------
    rows
        Mappings; or a table, a list, a pattern, a folder, or several images.
    main
        The parameter that an image by itself is for.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If there is no row, or one that is none.
    """
    if isinstance(rows, (str, Path)):
        found = list(_of_path(str(rows), main))
    elif isinstance(rows, Sequence) and all(isinstance(one, Mapping) for one in rows):
        found = [_of_mapping(number, one) for number, one in enumerate(rows, 1)]
    elif isinstance(rows, Sequence) and all(isinstance(one, (str, Path)) for one in rows):
        found = [line for one in rows for line in _of_path(str(one), main)]
    else:
        raise InputError(f"rows of type {type(rows).__name__}", f"mappings, or {KINDS}")
    if not found:
        raise InputError("no row" if not isinstance(rows, (str, Path)) else f"{rows} without a row", KINDS)
    return found


def _of_path(text: str, main: str) -> Iterator[Line]:
    """The rows of a file, a folder or a pattern."""
    path = Path(text)
    if path.suffix.lower() in TABLES and path.is_file():
        yield from _of_table(path)
    elif path.suffix.lower() in LISTS and path.is_file():
        yield from _of_json(path)
    elif path.is_dir() and not is_image(path):
        yield from (Line(str(one), given={main: str(one)}, met=True) for one in images_in(path, pictures=False))
    elif path.exists():
        yield Line(text, given={main: text})
    elif glob.has_magic(text):
        yield from _of_pattern(text, main)
    else:
        raise FileError(f"{text} does not exist", KINDS)


def _of_pattern(text: str, main: str) -> Iterator[Line]:
    """A row for everything that a pattern matches; headers of ENVI stand for their images."""
    form = _form(text)
    for path in sorted(glob.glob(text, recursive=True)):
        found = form.fullmatch(path)
        if not Path(path).name.startswith(".") and Path(path).suffix != ".hdr":
            yield Line(path, given={main: path}, wild=tuple(found.groups()) if found else (), met=True)


def _form(text: str) -> re.Pattern[str]:
    """A pattern of names as an expression with a group for every sign that it leaves open."""
    parts, signs = MAGIC.split(text), MAGIC.findall(text)
    groups = {"**/": "((?:.*/)?)", "**": "(.*)", "*": "([^/]*)", "?": "([^/])"}
    made = [groups.get(sign, f"({sign.replace('[!', '[^')})") for sign in signs]
    return re.compile("".join(re.escape(part) + sign for part, sign in zip(parts, [*made, ""], strict=True)))


def _of_table(path: Path) -> Iterator[Line]:
    """The rows of a table; commas, semicolons or tabulators part its cells, whichever its first line has."""
    text = text_of(path)
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    heads: list[str] = []
    try:
        for cells in reader:
            place = f"{path.name}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if not heads:
                heads = _heads(place, cells)
            elif len(cells) > len(heads) and any(cell.strip() for cell in cells[len(heads) :]):
                raise InputError(
                    f"{place} of {len(cells)} cells", f"{len(heads)}, one a column", "quote what holds a comma"
                )
            else:
                yield _told(Line(place, base=path.parent), dict(zip(heads, cells, strict=False)))
    except csv.Error as wrong:
        raise FileError(f"{path} cannot be read: {wrong}", "a table as CSV") from wrong


def _heads(place: str, cells: Sequence[str]) -> list[str]:
    """The heads of the columns, each of them once."""
    heads = [cell.strip() for cell in cells]
    while heads and not heads[-1]:
        heads.pop()
    twice = [head for head, count in Counter(heads).items() if count > 1 or not head]
    if twice:
        raise InputError(
            f"{place}: {f'two columns {twice[0]}' if twice[0] else 'a column without a head'}", "names, each once"
        )
    return heads


def _told(line: Line, cells: Mapping[str, Any]) -> Line:
    """A row with its cells, those of the batch apart."""
    low = {str(head).strip().lower(): head for head in cells}
    own = {key: str(cells[low[key]] or "").strip() for key in ("name", "output") if key in low}
    rest = {head: cell for head, cell in cells.items() if str(head).strip().lower() not in own}
    return replace(line, cells=rest, **own)


def _of_mapping(number: int, row: Mapping[str, Any]) -> Line:
    """A row of a program: what the verb takes, as it takes it."""
    rest = {key: value for key, value in row.items() if key not in ("name", "output")}
    return Line(
        f"row {number}", given=rest, name=str(row.get("name") or ""), output=str(row.get("output") or "")
    )  # fmt: skip


def _of_json(path: Path) -> Iterator[Line]:
    """The rows of a list, or the items of a collection."""
    try:
        held = parsed(text_of(path))
    except ValueError as wrong:
        raise FileError(f"{path} cannot be read: {wrong}", "a list of rows, or STAC items") from wrong
    if isinstance(held, dict) and held.get("type") in ("Feature", "FeatureCollection"):
        yield from _of_items(path, held)
        return
    if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
        raise InputError(f"{path} without rows", "a list of objects, or STAC items")
    for number, row in enumerate(held, 1):
        yield _told(Line(f"{path.name}, row {number}", base=path.parent), row)


def _of_items(path: Path, held: Mapping[str, Any]) -> Iterator[Line]:
    """A row for every STAC item; options such as ``ms='#B02,B03'`` say which assets are which image."""
    alone = held["type"] == "Feature"
    for number, item in enumerate([held] if alone else held.get("features") or [], 1):
        known = isinstance(item, dict) and isinstance(item.get("assets"), dict)
        if not known or not isinstance(item.get("id"), str) or not item["id"]:
            raise InputError(f"{path.name}, item {number} without `id` or assets", "STAC items")
        address = f"{path}#" if alone else f"{path}#{item['id']}:"
        yield Line(f"{path.name}, item {item['id']}", name=SAFE.sub("_", item["id"]), item=address)


def stem_of(path: str) -> str:
    """How a product is called after an image: its name without what says how it is stored."""
    name = Path(path.partition("#")[0]).name
    ending = archive_suffix(name) or Path(name).suffix
    return SAFE.sub("_", name[: len(name) - len(ending)] if 0 < len(ending) < 6 + 2 * ending.count(".") else name)


def named(lines: Sequence[Line], images: Sequence[str]) -> list[str]:
    """How the products are called: as they are told, else after their images.

    Images of one name are told apart by their folders, else by numbers, which is said.

    Raises
    ------
    InputError
        If two rows were told one name.
    """
    told = [line.name or (Path(line.output).stem if line.output else "") for line in lines]
    seen: dict[str, Line] = {}
    for line, name in zip(lines, told, strict=True):
        if name and name.casefold() in seen:
            raise InputError(f"{line.place}: the name {name}, as at {seen[name.casefold()].place}", "one for each row")
        if name:
            seen[name.casefold()] = line
            if SAFE.search(name):
                raise InputError(f"{line.place}: the name {name}", "letters, digits, . _ + = @ - and blanks")
    found = [name or stem_of(image) for name, image in zip(told, images, strict=True)]
    for clash in (_with_folder, _with_number):
        counts = Counter(name.casefold() for name in found)
        twice = [not told[at] and counts[name.casefold()] > 1 for at, name in enumerate(found)]
        if any(twice):
            found = clash(found, images, twice)
    return found


def _with_folder(found: Sequence[str], images: Sequence[str], twice: Sequence[bool]) -> list[str]:
    """Names of images that are called alike, with the folders in which they stand."""
    folders = [SAFE.sub("_", Path(image.partition("#")[0]).absolute().parent.name) for image in images]
    return [f"{folder}_{name}" if again else name for name, folder, again in zip(found, folders, twice, strict=True)]


def _with_number(found: Sequence[str], images: Sequence[str], twice: Sequence[bool]) -> list[str]:
    """Names that are still alike, numbered in the order of the rows."""
    taken = {name.casefold() for name, again in zip(found, twice, strict=True) if not again}
    names = []
    for name, again in zip(found, twice, strict=True):
        number, free = 1, name
        while again and free.casefold() in taken:
            number += 1
            free = f"{name}-{number}"
        taken.add(free.casefold())
        names.append(free)
    changed = [name for name, before in zip(names, found, strict=True) if name != before]
    warn(
        f"{len(changed)} rows have images of one name and are numbered, such as {changed[0]}; a column `name` calls "
        "them otherwise"
    )
    return names

"""What a table may say: the parameters of a verb as columns, and cells made into what the verb takes."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from cyclopts import CycloptsError, convert

from earthloom.engine.options import Run
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.raster.told import Told
from earthloom.raster.trust.policy import require_allowed
from earthloom.verbs import names
from earthloom.verbs.declared import VERBS, Verb
from earthloom.verbs.flags import LISTENERS, NONE, TOLD, flag_of, numbers_in, plain, takes_numbers

OWN = ("name", "output")  # columns of the batch itself
NO_IMAGES = ("sensor", "method", "weights", "pattern")  # words among the files of a verb that may be no path
BETWEEN = ";"  # several paths, names or numbers in a cell
KINDS = {int: "a whole number", float: "a number", bool: "yes or no"}


@dataclass(frozen=True)
class Column:
    """A parameter as a column.

    Parameters
    ----------
    name
        Of the parameter.
    takes
        Type of what is written.
    images
        Whether that is the path of an image.
    numbers
        A field of a method that takes numbers or a word.
    words
        What the parts of one entry are, such as FINE COARSE DATE; empty: it has no parts.
    """

    name: str
    takes: Any
    images: bool = False
    numbers: bool = False
    words: tuple[str, ...] = ()

    def value(self, cell: Any, base: Path) -> Any:
        """What a cell holds, as the command line would take it; paths are relative to ``base``.

        Raises
        ------
        InputError
            If it is nothing that the parameter takes.
        """
        typed = [str(one).strip() for one in _flat(cell, self.several)]
        words = [self._located(word, at, base) for at, word in enumerate(typed)]
        if self.words and len(words) % len(self.words):
            raise InputError(f"{self.name} '{_shown(cell)}'", f"{BETWEEN.join(self.words)}, the parts joined so")
        try:
            found = convert(self.takes, words)
        except (CycloptsError, ValueError) as wrong:
            raise InputError(f"{self.name} '{_shown(cell)}'", self._expected()) from wrong
        return numbers_in(found) if self.numbers else found

    @property
    def several(self) -> bool:
        """Whether it takes more than one word."""
        return _several(self.takes)

    def _located(self, word: str, at: int, base: Path) -> str:
        """A path relative to the table, other words as they are."""
        if (self.words and self.words[at % len(self.words)] == "DATE") or word.startswith("#"):
            return word
        if self.images:
            if word == NONE:
                return word
            require_allowed(word.partition("#")[0], base / "the table", "list")
            return word if "://" in word else str(base / word)
        beside = base / word  # a sensor, weights or a transform may be a name or a file
        return str(beside) if _exists(beside) and (beside.is_file() or self.name.endswith("weights")) else word

    def _expected(self) -> str:
        """What would have been right, in words."""
        parts = [self.takes, *get_args(self.takes)]
        for part in parts:
            words = [one for one in get_args(part) if isinstance(one, str)]
            if words:
                return " or ".join(words)
        return next((KINDS[part] for part in parts if part in KINDS), "something else") + (
            f", several joined by {BETWEEN}" if self.several else ""
        )


def verb_of(name: str) -> Verb:
    """A verb that a batch can run: one that writes one product.

    Raises
    ------
    InputError
        If there is none, or it writes something else.
    """
    known = [one for one in names.commands() if one != "series"]
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        hint = "a series is a batch by itself" if name == "series" else f"did you mean {near[0]}?" if near else ""
        raise InputError(f"a batch of '{name}'", f"one of {', '.join(known)}", hint)
    import_module(f"earthloom.verbs.{name}")
    return VERBS[name]


def columns_of(verb: Verb, method: Any) -> dict[str, Column]:
    """The columns of a verb with a method, by their names and by those of the flags."""
    return _columns(verb, method if isinstance(method, str) else None)


@lru_cache
def _columns(verb: Verb, method: str | None) -> dict[str, Column]:
    """The same, looked up once; the fields of an object are no columns."""
    found: dict[str, Column] = {}
    hints, own = get_type_hints(verb.call, include_extras=True), inspect.signature(verb.call).parameters
    for name, parameter in own.items():
        flag = flag_of(hints.get(name))
        if parameter.kind is inspect.Parameter.VAR_KEYWORD or name in ("run", "output") or flag.hidden:
            continue
        takes = flag.takes or plain(hints[name])
        parts = tuple(flag.shown.split()) if _several(takes) else ()
        images = flag.group == "Files" and "str" in str(takes) and not name.endswith(NO_IMAGES)
        column = Column(name, takes, images, words=parts)
        found |= {_plainly(one): column for one in (name, *(word for word in flag.name if word.startswith("--")))}
    for role in verb.told:
        told = (f"{role}_{one.name}" for one in fields(Told))
        found |= {one: Column(one, TOLD[one.removeprefix(f"{role}_")]) for one in told if one not in own}
    kinds = get_type_hints(Run)
    skipped = (*LISTENERS, "overwrite")
    found |= {one.name: Column(one.name, kinds[one.name]) for one in fields(Run) if one.name not in skipped}
    return _fields(verb, method, own) | found


def _fields(verb: Verb, method: str | None, own: Mapping[str, Any]) -> dict[str, Column]:
    """The fields of a method that is named; `auto` and files of transforms have none."""
    if method is None or method == "auto" or method.endswith(".json"):
        return {}
    described = catalog.find(method, verb.problem)
    hints = get_type_hints(described)
    found = {catalog.PUBLISHED: Column(catalog.PUBLISHED, bool)}
    for one in fields(described):
        if one.name not in own and one.name not in verb.without:
            many = takes_numbers(hints[one.name])
            found[one.name] = Column(one.name, list[str] if many else hints[one.name], numbers=many)
    return found


def values_of(
    verb: Verb, cells: Mapping[str, Any], same: Mapping[str, Any], base: Path
) -> dict[str, Any]:  # fmt: skip
    """The cells of a row as arguments of the verb; empty cells are not given.

    Parameters
    ----------
    cells
        By the heads of the columns.
    same
        Arguments of all rows, among them the method where no column names one.
    base
        What paths are relative to.

    Raises
    ------
    InputError
        If a column is none of the verb's, or a cell holds what it cannot take.
    """
    given = {_plainly(head): cell for head, cell in cells.items() if not _empty(cell)}
    method = given.get("method", given.get("m", same.get("method")))
    known = columns_of(verb, method or verb.default({**same, **given}))
    typed: dict[str, Any] = {}
    for head, cell in given.items():
        if head not in known:
            raise InputError(f"no column '{head}'", *_nearest(head, known))
        column = known[head]
        if column.name in typed:
            raise InputError(f"two columns for {column.name}", "one")
        typed[column.name] = column.value(cell, base)
    for role in verb.told:  # as the fields of Told are
        typed |= {key: tuple(one) for key, one in typed.items() if key.startswith(f"{role}_") and isinstance(one, list)}
    return verb.shell(typed) if verb.shell is not None else typed


def require_known(verb: Verb, heads: Sequence[str], methods: Sequence[Any]) -> None:
    """Refuse columns that the verb has not with any of the methods.

    Raises
    ------
    InputError
        Naming the nearest, and those there are.
    """
    known = {name: one for method in methods for name, one in columns_of(verb, method).items()}
    for head in heads:
        if _plainly(head) not in known and _plainly(head) not in OWN:
            raise InputError(f"no column '{head}'", *_nearest(head, known))


def main_image(verb: Verb) -> str:
    """The parameter after whose image a row is named: the first that is one image."""
    found = columns_of(verb, None).values()
    return next(one.name for one in found if one.images and "tuple[str, str, str]" not in str(one.takes))


def image_parameters(verb: Verb) -> list[str]:
    """All parameters that take images."""
    return list(dict.fromkeys(one.name for one in columns_of(verb, None).values() if one.images))


def _nearest(head: str, known: Mapping[str, Column]) -> tuple[str, str]:
    """What there is, and what may have been meant."""
    shown = list(dict.fromkeys((*(one.name for one in known.values()), *OWN)))
    near = difflib.get_close_matches(_plainly(head), [*known, *OWN], 1)
    return f"one of {', '.join(shown)}", f"did you mean {near[0]}?" if near else ""


def _plainly(head: str) -> str:
    """The head of a column, or a flag, as a parameter is called."""
    return head.strip().lower().lstrip("-").replace("-", "_").replace(" ", "_")


def _empty(cell: Any) -> bool:
    """Whether nothing is given."""
    return cell is None or (isinstance(cell, str) and not cell.strip()) or cell in ([], ())


def _flat(cell: Any, several: bool) -> list[Any]:
    """The words of a cell: text is split where several are taken, lists (of JSON) are laid flat."""
    if isinstance(cell, (list, tuple)):
        return [word for one in cell for word in _flat(one, False)]
    if isinstance(cell, str) and several:
        return [word for word in cell.split(BETWEEN) if word.strip()]
    return [cell]


def _shown(cell: Any) -> str:
    """A cell in a message."""
    return str(cell)[:60]


def _several(takes: Any) -> bool:
    """Whether a type takes more than one word."""
    return any(get_origin(one) in (list, tuple) for one in (takes, *get_args(takes)))


def _exists(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False

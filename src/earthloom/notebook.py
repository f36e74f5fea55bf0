"""What notebooks show of our objects: small tables, escaped, without scripts; frames and drawings when asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from math import isnan
from typing import Any, NamedTuple

from earthloom.errors import InputError

DRAWINGS = "earthloom.report.plots.objects"  # how each kind is drawn stands there, beside the other drawings


class Table(NamedTuple):
    """Heads of the columns, lines, a title above and words below."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    more: str = ""


class Drawable:
    """What can be drawn."""

    __slots__ = ()

    def plot(self, axes: Any = None) -> Any:
        """Draw it.

        Parameters
        ----------
        axes
            Of matplotlib, to draw on: one, or a sequence where a drawing has several; None: a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            Which a notebook shows, and which ``savefig`` writes.

        Raises
        ------
        InputError
            For another number of axes than the drawing has, or where there is nothing to draw.
        """
        return plot(self, axes)


class Tabular(Drawable):
    """What is a table: shown by notebooks, and a frame for those who go on with it."""

    __slots__ = ()

    @abstractmethod
    def table(self) -> Table:
        """The table; its first column names the lines."""

    def _repr_html_(self) -> str:
        """For notebooks."""
        return table(*self.table())

    def to_frame(self) -> Any:
        """The table as a DataFrame of pandas; its first column is the index.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return frame(self.table())


def plot(one: Any, axes: Any = None) -> Any:
    """Draw one of our objects; see :meth:`Drawable.plot`. Written in a NamedTuple, which takes no base class."""
    return import_module(DRAWINGS).draw(one, axes)


def frame(told: Table) -> Any:
    """A table as a DataFrame of pandas."""
    try:
        from pandas import DataFrame
    except ImportError as missing:
        raise InputError("a frame without pandas", "the package pandas", "pip install pandas") from missing
    first = told.heads[0]
    return DataFrame([list(row) for row in told.rows], columns=list(told.heads)).set_index(first)


def arrays(told: Mapping[str, Any], title: str = "") -> str:
    """Arrays by name: how large they are, and what they hold; other values as they are."""
    rows = []
    for name, value in told.items():
        if hasattr(value, "shape"):
            size = " x ".join(map(str, value.shape))
            rows.append([name, f"{size}, {value.dtype}", *(float(one) for one in (value.min(), value.max()))])
        else:
            rows.append([name, value, "", ""])
    return table(("", "size", "least", "most"), rows, title)


INDENT = "    "


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "", more: str = "") -> str:
    """A table, its title above and a line below."""
    head = "".join(f"<th>{escape(str(one))}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(shown(cell))}</td>' for cell in row)}</tr>" for row in rows)
    above = f"<p><b>{escape(title)}</b></p>" if title else ""
    below = f"<p>{escape(more)}</p>" if more else ""
    return f"{above}<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>{below}"


def pairs(told: Mapping[str, Any], title: str = "", more: str = "") -> str:
    """Names and values."""
    return table((), [(name.replace("_", " "), value) for name, value in told.items()], title, more)


def shown(value: Any) -> str:
    """A value in a cell."""
    if isinstance(value, float):
        return "–" if isnan(value) else f"{value:.5g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(one) for one in value)
    return str(value)


def contents(text: str) -> str:
    """A docstring of headings, each with indented lines of a name and what it is: a table for each.

    Its first line stands above; what comes behind the last heading is for ``help`` alone.
    """
    found = [f"<p><b>{escape(text.strip().splitlines()[0])}</b></p>"]
    for part in text.split("\n\n"):
        head, *lines = part.strip("\n").splitlines() or [""]
        if lines and not head.startswith((" ", ">")) and all(line.startswith(INDENT) for line in lines):
            rows = [line.split(maxsplit=1) for line in lines]
            found.append(table((), [(name, told.replace("``", "")) for name, told in rows], head))
    return "".join(found)

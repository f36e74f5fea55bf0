"""What a page is made of: sections of text, tables and pictures, as plain data that the template lays out."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Text:
    """A paragraph; ``kind`` is empty, ``lead``, ``note``, ``caution`` or ``command``."""

    words: str
    kind: str = ""
    what: str = field(default="text", init=False)


@dataclass(frozen=True)
class Link:
    """A line that ends in the address of a page elsewhere."""

    words: str
    href: str
    shown: str
    what: str = field(default="link", init=False)


@dataclass(frozen=True)
class Table:
    """Rows under heads; the first cell of a row names it.

    Parameters
    ----------
    heads
        Of the columns.
    rows
        Cells as text, as many as there are heads.
    caption
        Above, for all; screen readers say it first.
    best
        Row and column of the cells that stand out.
    numbers
        Whether all cells but the first ones, and those of ``words``, are numbers, which end at the right.
    words
        Columns of text.
    notes
        Below the names of the rows, in their order: what each says.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    best: frozenset[tuple[int, int]] = frozenset()
    numbers: bool = True
    words: frozenset[int] = frozenset()
    notes: Sequence[str] = ()
    what: str = field(default="table", init=False)


@dataclass(frozen=True)
class Facts:
    """Names and what there is to say of each."""

    pairs: Sequence[tuple[str, str]]
    what: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Picture:
    """An image inside the page.

    Parameters
    ----------
    light, dark
        Addresses that hold the data; a second one where it is drawn anew for dark paper.
    alt
        What it shows, for who cannot see it.
    title, caption
        Above and below.
    sharp
        Pixels are shown as they are, larger.
    size
        Its width and height, where known: the page does not jump when it appears.
    """

    light: str
    alt: str
    title: str = ""
    caption: str = ""
    dark: str = ""
    sharp: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Pictures:
    """Some side by side; ``wide`` ones stand alone in their row, ``drawn`` ones are as wide as their scales ask."""

    pictures: Sequence[Picture]
    caption: str = ""
    wide: bool = False
    drawn: bool = False
    what: str = field(default="pictures", init=False)


Part = Text | Link | Table | Facts | Pictures


@dataclass(frozen=True)
class Section:
    """A heading, by which it can be linked, and what stands below it."""

    key: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """A page: what its head says, its sections, and the data that programs find in it."""

    title: str
    lead: str
    sections: Sequence[Section]
    data: Mapping[str, Any] = field(default_factory=dict)
    made: str = ""


def address(data: bytes, kind: str) -> str:
    """Data as an address: ``data:image/png;base64,...``."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def figure(value: Any, digits: int = 4) -> str:
    """A number as it is shown: as many digits as tell something, a dash where there is none."""
    if value is None or value != value:
        return "–"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = f"{value:.{digits}g}"
        return text if "e" not in text or abs(value) >= 1e9 or 0 < abs(value) < 1e-4 else f"{value:.0f}"
    return str(value)


def size(count: float) -> str:
    """Bytes in words."""
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= of:
            return f"{count / of:.1f} {unit}"
    return f"{count:.0f} bytes"

"""What notebooks show of our objects: small tables, escaped, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

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
        return f"{value:.5g}"
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

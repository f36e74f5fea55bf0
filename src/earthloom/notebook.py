"""What notebooks show of our objects: small tables, escaped, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


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

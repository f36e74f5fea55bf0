"""What the docstring of a dataclass says about its fields, for the help of their flags."""

from __future__ import annotations

import inspect
from typing import Any


def field_helps(described: type[Any]) -> dict[str, str]:
    """What the docstring says about each field (the Parameters section, NumPy style)."""
    lines, found, name = inspect.getdoc(described) or "", {}, ""
    inside = False
    for line in lines.splitlines():
        text = line.strip()
        if text in ("Parameters", "Attributes"):
            inside = True
        elif inside and text and not line.startswith(" ") and not set(text) <= {"-"}:
            if text in ("References", "Notes", "Raises", "Examples", "See Also"):
                break
            name = text.split(":")[0].strip()
            found[name] = ""
        elif inside and name and line.startswith(" "):
            found[name] = f"{found[name]} {text}".strip()
    return found

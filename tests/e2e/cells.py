"""Runs a notebook as a notebook would, cell by cell in one scope, without a kernel; argument: the file, and a folder.

What the last line of a cell comes to is shown as a notebook shows it: pictures go to the folder.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any


def shown(value: Any) -> str:
    """What a notebook would show, by the best of what an object offers."""
    for kind in ("_repr_png_", "_repr_html_"):
        if (own := getattr(value, kind, None)) is not None and (made := own()) is not None:
            if kind == "_repr_png_":
                PICTURES.append(made)
                return f"picture {len(PICTURES)}"
            return str(made)
    return repr(value)


PICTURES: list[bytes] = []

if __name__ == "__main__":
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    scope: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]), path.name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, path.name, "exec"), scope)
        if last is not None:
            print(shown(eval(compile(ast.Expression(last.value), path.name, "eval"), scope)))  # type: ignore[attr-defined]
    for at, made in enumerate(PICTURES, 1):
        (folder / f"{path.stem}_{at}.png").write_bytes(made)

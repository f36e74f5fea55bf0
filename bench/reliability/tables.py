"""The tables of docs/reliability.md, from kills.json and faults.json: python -m bench.reliability.tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reliability.md"


KILLS = {
    "verb": "verb", "kills": "kills", "half-written files": "half_written", "parts left after success": "left_after",
    "other bytes": "differ", "finished tiles": "tiles", "made again": "lost_tiles",
}  # fmt: skip
FAULTS = {
    "fault": "what", "runs": "runs", "same bytes": "same", "one line, exit code 2": "one_line", "other ends": "other",
    "half-written files": "half_written", "parts left after success": "left_after", "lost": "lost",
}  # fmt: skip


def _sum(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Of all that is counted."""
    return {key: sum(row[key] for row in rows) for key, value in rows[0].items() if isinstance(value, int)}


def table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> str:
    """Heads and what stands below them: a column of names, and numbers, with their sum in the last row."""
    lines = [list(columns)]
    total = {next(iter(columns.values())): "all", **_sum(rows)}
    lines += [[str(row[name]) for name in columns.values()] for row in [*rows, total]]
    head, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "|---" + "|---:" * (len(columns) - 1) + "|", *rest])


def replaced(page: str, name: str, text: str) -> str:
    """The page with a table between its marks."""
    mark = f"<!-- {name} -->\n"
    before, _, rest = page.partition(mark)
    _, _, after = rest.partition(mark)
    return f"{before}{mark}{text}\n{mark}{after}"


def main() -> None:
    """Put them into the page."""
    page = PAGE.read_text(encoding="utf-8")
    page = replaced(page, "kills", table(json.loads((HERE / "kills.json").read_text()), KILLS))
    page = replaced(page, "faults", table(json.loads((HERE / "faults.json").read_text())["rows"], FAULTS))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

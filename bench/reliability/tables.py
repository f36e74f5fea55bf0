"""The table of docs/reliability.md, from bench/reliability/kills.json: python -m bench.reliability.tables."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reliability.md"
MARK = "<!-- kills -->"


def table() -> str:
    """A row for every verb, and their sum."""
    rows = json.loads((HERE / "kills.json").read_text())
    total = {key: sum(row[key] for row in rows) for key, value in rows[0].items() if isinstance(value, int)}
    lines = [
        "| verb | kills | half-written files | parts left after success | other bytes | finished tiles | made again |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in [*rows, {"verb": "all", **total}]:
        names = ("verb", "kills", "half_written", "left_after", "differ", "tiles", "lost_tiles")
        lines.append("| " + " | ".join(str(row[name]) for name in names) + " |")
    return "\n".join(lines)


def main() -> None:
    """Put it into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    after = rest[rest.index('"Made again"') :]
    PAGE.write_text(f"{before}{MARK}\n{table()}\n\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

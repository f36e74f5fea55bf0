"""The table of what spoilt files ended in: ``python -m bench.fuzz.tables`` puts it into docs/fuzzing.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "fuzzing.md"
START, END = "<!-- counts -->", "<!-- end of counts -->"
ELSE = ("other", "crash", "hang", "memory")


def table(readers: Mapping[str, Mapping[str, int]]) -> str:
    """A row for each reader, and their sum."""
    every: Counter[str] = Counter()
    for count in readers.values():
        every.update(count)
    rows = [*((name, readers[name]) for name in sorted(readers)), ("all", every)]
    lines = ["| reader | cases | read | refused in one line | anything else |", "|---|---:|---:|---:|---:|"]
    for name, count in rows:
        wrong = sum(count.get(one, 0) for one in ELSE)
        lines.append(
            f"| {name} | {sum(count.values()):,} | {count.get('value', 0):,} | {count.get('error', 0):,} | {wrong} |"
        )
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the table of the counts that are there."""
    readers = json.loads((HERE / "counts.json").read_text("utf-8"))["readers"]
    before, _, rest = text.partition(START)
    return f"{before}{START}\n{table(readers)}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")

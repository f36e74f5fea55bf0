"""Draw docs/img/info-*.svg: what `earthloom info` says of a small made product of each family."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
FAMILIES = ("archive", "prisma", "enmap", "desis", "emit", "eo1", "planetscope", "modis")
WIDTH = 118


def screen(name: str) -> str:
    """What is typed and printed."""
    from tests.contract.formats.samples import SAMPLES

    with tempfile.TemporaryDirectory() as place:
        path = SAMPLES[name](Path(place)).path
        command = [sys.executable, "-c", "from earthloom.cli.main import run; run()", "info", path.name]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True)
    return f"$ earthloom info {path.name}\n{done.stdout.rstrip()}"


def main() -> None:
    """Draw all of them."""
    for name in FAMILIES:
        console = Console(record=True, width=WIDTH, file=io.StringIO())
        console.print(Text(screen(name)))
        console.save_svg(str(HERE / "img" / f"info-{name}.svg"), title="earthloom info", unique_id=f"info-{name}")


if __name__ == "__main__":
    main()

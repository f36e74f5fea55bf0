"""How many bytes of remote files a run needs: those of the blocks that its windows touch, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from earthloom.raster.readers import FilePart, FileReader


@contextmanager
def blocks_read() -> Iterator[dict[str, int]]:
    """While the block runs, note every block of GeoTIFFs that is read in full resolution; bytes by file in the end."""
    touched: dict[str, dict[tuple[int, int, int], int]] = {}
    lock = threading.Lock()
    needed: dict[str, int] = {}
    read = FileReader._read_part

    def noting(self: FileReader, part: FilePart, out: Any, valid: Any, area: dict[str, Any], held: FilePart) -> None:
        handle = self._handles.get(held)  # type: ignore[attr-defined]
        if "window" in area:
            with lock:
                _note(touched.setdefault(part.path, {}), handle, part, area["window"])
        read(self, part, out, valid, area, held)

    FileReader._read_part = noting  # type: ignore[method-assign]
    try:
        yield needed
    finally:
        FileReader._read_part = read  # type: ignore[method-assign]
        needed.update({path: sum(blocks.values()) for path, blocks in touched.items()})


def _note(blocks: dict[tuple[int, int, int], int], handle: Any, part: FilePart, window: Any) -> None:
    """The blocks of a window, with their bytes in the file."""
    source = getattr(handle, "src_dataset", None) or handle
    rows, cols = source.block_shapes[0]
    together = source.interleaving is not None and source.interleaving.value.lower() == "pixel"
    for band in (1,) if together else part.indexes:
        for y in range(int(window.row_off) // rows, -(-int(window.row_off + window.height) // rows)):
            for x in range(int(window.col_off) // cols, -(-int(window.col_off + window.width) // cols)):
                if (band, y, x) not in blocks:
                    size = source.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=band)
                    blocks[band, y, x] = int(size or 0)

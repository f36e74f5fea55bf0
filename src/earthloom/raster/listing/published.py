"""The published data set of pairs of Sentinel-2 and Gaofen-1 patches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earthloom.documents import text_of
from earthloom.errors import FileError, InputError
from earthloom.raster.formats import is_image, suffixes

SPLITS = ("train", "val", "test")
PUBLISHED = {"source": "S2", "target": "GF1", "mask": "mask"}  # folders of the published data set


def published_pairs(folder: str | Path, split: str) -> Iterator[tuple[Path, Path, Path | None]]:
    """Files of the published data set: (Sentinel-2, Gaofen-1, mask) of every patch that a divide list names.

    The layout is ``data/REGION/{GF1,S2,mask}/PATCH`` beside ``divide/{train,val,test}.txt``, one patch a line, with or
    without its folder and ending.

    Raises
    ------
    FileError
        If the list or a patch is missing.
    """
    folder = Path(folder)
    if split not in SPLITS:
        raise InputError(f"part '{split}'", ", ".join(SPLITS))
    listed = folder / "divide" / f"{split}.txt"
    if not listed.is_file():
        raise FileError(f"no list {listed}", "data/ and divide/ of the data set in one folder")
    held = {kind: _stems(folder / "data", kind) for kind in PUBLISHED.values()}
    for line in text_of(listed).splitlines():
        name = line.replace("\\", "/").strip()
        if not name:
            continue
        stem = Path(name).stem if Path(name).suffix.lower() in suffixes() else Path(name).name
        found = {role: held[kind].get(stem) for role, kind in PUBLISHED.items()}
        if found["source"] is None or found["target"] is None:
            lost = PUBLISHED["source" if found["source"] is None else "target"]
            raise FileError(f"patch {stem} of {listed.name} without a file under {lost}", "the whole data set")
        yield found["source"], found["target"], found["mask"]


def _stems(folder: Path, kind: str) -> dict[str, Path]:
    """Files of one kind in every region, by their names without ending."""
    found = folder.glob(f"*/{kind}/*")
    return {path.stem: path for path in sorted(found) if is_image(path)}

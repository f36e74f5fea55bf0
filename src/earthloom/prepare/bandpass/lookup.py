"""From stored numbers to stored numbers, window by window: nothing becomes floating point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.engine.job import Encode, Fusion, Job, Made
from earthloom.methods.base import Method
from earthloom.methods.families.aligning import Solved
from earthloom.methods.families.mapping import Mapping
from earthloom.ops.lookup import TABULATED, look_up, tabulated
from earthloom.ops.moments import Stats
from earthloom.ops.tiling import windows
from earthloom.raster.image import Image
from earthloom.types import Scene, Window, representable

ROWS, COLUMNS = 512, 2048  # of a window of stored numbers: whole blocks of a COG, some MB


@dataclass(frozen=True, eq=False)
class Lookup:
    """A mapping of stored numbers: a table where each source band is looked up alone, else lines.

    Parameters
    ----------
    source
        The image.
    inside
        The mapping between stored numbers of both sides.
    entries
        Its tables; None where there are none.
    partner
        The source band of every band of the product.
    encode
        How the product is stored.
    tiles
        Windows of whole blocks.
    """

    source: Image
    inside: Mapping
    entries: np.ndarray | None
    partner: tuple[int, ...]
    encode: Encode
    tiles: tuple[Window, ...]

    stage: ClassVar[str] = "aligning"

    @property
    def rounds(self) -> int:
        """Nothing is measured."""
        return 0

    @classmethod
    def of(cls, source: Image, mapping: Mapping, encode: Encode, tiles: tuple[Window, ...] = ()) -> Lookup:
        """Make the tables. Windows are wide, for speed, unless smaller ``tiles`` are asked for."""
        matrix = mapping.mix.matrix
        count = len(matrix)
        scales = np.array(encode.scales or (1.0,) * count)
        offsets = np.array(encode.offsets or (0.0,) * count)
        inside = mapping.between((np.array(source.scales), scales), (np.array(source.offsets), offsets))
        entries = None
        if source.dtype.name in TABULATED and inside.mix.single:
            entries = tabulated(inside.mix, inside.tables, source.dtype, encode.dtype, encode.nodata)
        partner = tuple(int(np.abs(row).argmax()) for row in inside.mix.matrix)
        smaller = bool(tiles) and max(tile.height for tile in tiles) < min(ROWS, source.shape[0])
        cut = tiles if smaller else tuple(windows(source.shape, (ROWS, COLUMNS)))
        return cls(source, inside, entries, partner, encode, cut)

    def measure(self, tile: Window, so_far: Stats | None) -> Stats | None:
        """Nothing is measured."""
        return None

    def make(self, tile: Window, stats: Stats) -> Made:
        """A window, read as it is stored and looked up once."""
        image, valid = self.source.stored(tile, self.source.dtype)
        known = valid if self.source.maskable and not valid.all() else None
        if self.entries is not None:
            nodata = self.encode.nodata
            fill = nodata if nodata is not None else math.nan if self.encode.dtype.kind == "f" else 0
            made = look_up(image, known, self.entries, list(self.partner), fill)
        else:
            made = self.inside(image, known, self.encode.dtype, self.encode.nodata)
        return Made((made,), known is None or bool(valid.any()))


def aligned(
    method: Method, scene: Scene, tiles: tuple[Window, ...], encode: Encode, *, source: Image
) -> Job:  # fmt: skip
    """The job of an alignment: a lookup where stored numbers can be turned into stored numbers as they are."""
    direct = source.dtype.name in (*TABULATED, "float32") and representable(encode.dtype, encode.nodata)
    if isinstance(method, Solved) and direct and encode.scales and not source.flipped and not source.in_memory:
        return Lookup.of(source, method.mapping, encode, tiles)
    return Fusion(method, scene, tiles, encode)

"""How far off each pixel of a product is expected to be: a map and its spread, where a layer beside it tells."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from earthloom.engine.prepared import EXPECTED
from earthloom.errors import EarthloomError
from earthloom.raster.open import open_image
from earthloom.raster.write.place import layer_place
from earthloom.report.html.charts import heat
from earthloom.report.html.known import Known
from earthloom.report.html.parts import Pictures, Section, Table, Text, figure
from earthloom.types import Float

SIDE = 420  # pixels of the longer side of the map
SHARES = (10, 50, 90)  # percent of the pixels


def sure_sections(known: Known) -> list[Section]:
    """A section, or none where nothing is told."""
    off = None
    with suppress(EarthloomError, OSError), open_image(layer_place(known.path)) as image:
        if (name := EXPECTED.names[0]) in image.names:
            data, valid = image.pick([image.names.index(name)]).decimated(SIDE)
            off = np.where(valid, data[0], np.nan)
    if off is None or not np.isfinite(off).any():
        return []
    unit = "units of the image"
    picture = heat(
        off, "Map of the expected error of each pixel", unit, "Expected error",
        "Bright: where the network makes something else of the image when it is turned or mirrored.", colours="magma",
    )  # fmt: skip
    told = str(known.parameters.get("expected_error", ""))
    words = [Text(f"Expected error: {told}.", "note")] if told else []
    return [
        Section("sure", "How sure each pixel is", [Pictures([picture], drawn=True), *words, quantiles(off, "pixels")])
    ]


def quantiles(off: Float[np.ndarray, "..."], what: str) -> Table:
    """Below which error a tenth, half and nine tenths of some pixels are expected to be."""
    known = off[np.isfinite(off)]
    rows = [[f"{share} %", figure(float(np.percentile(known, share)))] for share in SHARES]
    return Table([f"Share of the {what}", "Expected error at most"], rows, "In the units of the image")

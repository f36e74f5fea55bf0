"""Hyperspectral super-resolution: spectra of the product and of the cube that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

import numpy as np

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.methods import catalog
from earthloom.prepare.superresolution.job import Bands, Enlarging
from earthloom.prepare.superresolution.opening import ToldCube
from earthloom.raster.image import Image
from earthloom.report.html.base import Shown, opened_as
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Looked, Survey
from earthloom.report.html.looks import centred
from earthloom.report.html.parts import Pictures, Section, Text
from earthloom.report.html.spectra import spectra


class Superresolved(Shown):
    """A cube on a finer grid."""

    problem: ClassVar[str] = "superresolution"
    verb: ClassVar[str] = "superresolve"
    called: ClassVar[str] = "Super-resolution"
    no_fusion: ClassVar[str] = "bicubic"
    no_fusion_words: ClassVar[str] = "bicubic enlargement"
    flags: ClassVar[Mapping[str, str]] = {"hs": ""}
    titles: ClassVar[Mapping[str, str]] = {"hs": "Cube"}
    alike: ClassVar[Sequence[str]] = ("hs",)

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """The cube on the finer grid."""
        cube = opened_as(known, ("hs",))["hs"]
        blur = "mtf" if known.others.get("blur") == "centre" else "bicubic"
        told = ToldCube(int(float(known.others.get("ratio", 2))), known.sensor, blur)
        images = opened({"cube": cube}, None, stack, kinds={"cube": "hs"})
        return Enlarging(told, catalog.make("bicubic", self.problem))(images, run)

    def wanted(self, image: Image) -> Image:
        """The bands that the method made."""
        bands = getattr(self.prepared and self.prepared.job, "keywords", {}).get("bands")
        if not isinstance(bands, Bands) or bands.count != image.count or bands.good == tuple(range(bands.count)):
            return image
        return image.pick(bands.good)

    def told(self, known: Known) -> list[str]:
        """Its ratio."""
        return ["--ratio", str(known.others.get("ratio", ""))]

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """Spectra where the product differs most from bicubic, and at a usual place."""
        if ground is None or survey is None:
            return []
        pixels = []
        for title, window in (("Where it differs most", survey.most_added), ("A usual place", survey.usual)):
            looked = ground.look(centred(window, ground.scene.shape, 16))
            if looked is not None:
                pixels.append((title, spectra_in(looked)))
        if not pixels:
            return []
        names = ground.shown.wanted(ground.image)
        picture = spectra(pixels, names.wavelengths_nm, "Spectra of the product, the cube and its bicubic enlargement")
        words = "The mean spectrum should stay that of the cube: a method may sharpen, not colour."
        return [Section("spectra", "Spectra", [Pictures([picture], wide=True), Text(words, "note")])]


def spectra_in(looked: Looked) -> dict[str, np.ndarray]:
    """Of the pixel of a window that differs most from no fusion, and of the cube's pixel around it."""
    at: tuple[Any, ...] = np.unravel_index(int(np.nanargmax(looked.added)), looked.added.shape)
    view, core = looked.obs["hs"], looked.obs.core_window
    y, x = (
        int(np.clip(round((core[axis] + at[axis] - view.offset[axis]) / view.ratio[axis]), 0, view.shape[axis] - 1))
        for axis in (0, 1)
    )
    return {
        "product": looked.product[:, at[0], at[1]], "cube": view.data[:, y, x],
        "bicubic": looked.plain[:, at[0], at[1]],
    }  # fmt: skip

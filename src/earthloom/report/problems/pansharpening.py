"""Pansharpening: indices without a reference, and how MS and PAN lie on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar

import psutil

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.evaluation.native import without_reference_of
from earthloom.ops.tiling import BLOCK
from earthloom.prepare import registering
from earthloom.prepare.pansharpening import Sharpening
from earthloom.report.html.arrows import arrows
from earthloom.report.html.base import Shown, opened_as
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Survey
from earthloom.report.html.parts import Pictures, Section
from earthloom.types import Report

JUDGING = 2**29  # bytes that judging may take on top of what is held: of a large product the middle is judged


class Pansharpened(Shown):
    """The MS on the PAN grid."""

    problem: ClassVar[str] = "pansharpening"
    verb: ClassVar[str] = "pansharpen"
    no_fusion: ClassVar[str] = "exp"
    no_fusion_words: ClassVar[str] = "interpolated MS"
    flags: ClassVar[Mapping[str, str]] = {"pan": "--pan", "ms": "--ms"}
    titles: ClassVar[Mapping[str, str]] = {"pan": "PAN", "ms": "MS"}
    alike: ClassVar[Sequence[str]] = ("ms",)

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """PAN and MS on one grid."""
        inputs = opened_as(known, ("pan", "ms"))
        return told(known)(opened(inputs, None, stack, kinds={"pan": "pan", "ms": "ms"}), run)

    def judged(self, known: Known) -> Report | None:
        """QNR and the others, for the product and for no fusion."""
        inputs = opened_as(known, ("pan", "ms"))
        run = Run(memory=str(psutil.Process().memory_info().rss + JUDGING))
        return without_reference_of(str(known.path), inputs["pan"], inputs["ms"], Sharpening(known.sensor), run)

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """Arrows."""
        if self.prepared is None or ground is None:
            return []
        found = registering.measure(self.prepared.scene)
        ratio = max(self.prepared.scene.empty()["ms"].ratio)
        if not found.blocks:
            return []
        side = min(math.ceil(BLOCK * ratio), *ground.scene.shape)
        picture = arrows(found, ground.scene.shape, "MS", "PAN", side)
        return [Section("registration", "How MS and PAN lie on each other", [Pictures([picture])])]


def told(known: Known) -> Sharpening:
    """What the product remembers of how its inputs were laid."""
    registration, gain = known.others.get("registration"), known.others.get("mtf")
    corrected = isinstance(registration, dict) and bool(registration.get("corrected"))
    convention = known.parameters.get("convention")
    return Sharpening(
        known.sensor, convention if convention == "toolbox" else None, corrected,
        mtf=float(gain) if gain is not None else "sensor",
    )  # fmt: skip

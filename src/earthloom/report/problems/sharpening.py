"""Sharpening by several bands: coarse images of several grids, each with its own residual and displacement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar

import numpy as np
import psutil

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.evaluation.native_sharpened import judged
from earthloom.methods.wrappers.each_coarse import OneCoarse
from earthloom.ops.tiling import BLOCK
from earthloom.physics.forward import expand, reduce
from earthloom.prepare import registering
from earthloom.prepare.sharpening import AsPan, Ordered, Pairing
from earthloom.problems.sharpening import coarse_roles
from earthloom.raster.open import open_image
from earthloom.report.html.arrows import arrows
from earthloom.report.html.base import Shown, opened_as
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Residual, Survey
from earthloom.report.html.parts import Pictures, Section
from earthloom.types import Bool, Float, Observation, Report, Scene

JUDGING = 2**29  # bytes that judging may take on top of what is held


class Sharpened(Shown):
    """Coarse bands on the fine grid."""

    problem: ClassVar[str] = "sharpening"
    verb: ClassVar[str] = "sharpen"
    no_fusion: ClassVar[str] = "exp"
    no_fusion_words: ClassVar[str] = "interpolated coarse bands"
    flags: ClassVar[Mapping[str, str]] = {"fine": "--fine", "coarse": "--coarse"}
    titles: ClassVar[Mapping[str, str]] = {
        "fine": "Fine bands", "coarse": "Coarse bands", "kept": "Fine bands that are kept",
    }  # fmt: skip
    alike: ClassVar[Sequence[str]] = ("fine", "coarse")

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """All images on the finest grid."""
        roles = list(known.inputs)
        coarse = [role for role in roles if role.startswith("coarse")]
        gains = {role: float(told) for role in coarse if (told := known.others.get(f"mtf_{role}")) is not None}
        moved = [known.others.get(f"registration_{role}", {}) for role in coarse]
        corrected = any(isinstance(one, dict) and one.get("corrected") for one in moved)
        pairing = Pairing(
            known.sensor, keep_fine=bool(known.parameters.get("keep_fine")), register=corrected, mtf=gains,
        )  # fmt: skip
        return pairing(opened(opened_as(known, roles), None, stack, kinds=dict.fromkeys(roles, "ms")), run)

    @property
    def order(self) -> tuple[int, ...]:
        """Where each band of the product stands among those of the scene: kept ones, then those of every view."""
        wrap = None if self.prepared is None else self.prepared.wrap
        return wrap.order if isinstance(wrap, Ordered) else ()

    def plain(self, obs: Observation) -> Float[np.ndarray, "band y x"]:
        """Every coarse view interpolated; what is kept as it is."""
        parts = [obs["kept"].data] if "kept" in obs.views else []
        whole = np.concatenate([*parts, *(expand(obs, role=role) for role in coarse_roles(obs))])
        return whole[list(self.order)] if self.order else whole

    def residuals(
        self, obs: Observation, product: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]
    ) -> list[Residual]:
        """Of every coarse view."""
        place = np.argsort(self.order) if self.order else np.arange(len(product))
        first = len(obs["kept"].bands) if "kept" in obs.views else 0
        found = []
        for role in coarse_roles(obs):
            view = obs[role]
            own = product[place[first : first + len(view.bands)]]
            first += len(view.bands)
            low = reduce(obs, own, [band.mtf_nyquist for band in view.bands], role)
            found.append(Residual(low - view.data, view.valid, view.data, role))
        return found

    def judged(self, known: Known) -> Report | None:
        """Support of the detail and consistency, for the product and for no fusion."""
        if self.prepared is None:
            return None
        run = Run(memory=str(psutil.Process().memory_info().rss + JUDGING))
        with open_image(known.path) as image:
            return judged(image, self.prepared, run)

    def trials(self) -> list[Scene]:
        """One for every coarse image."""
        if self.prepared is None:
            return []
        return [OneCoarse(self.prepared.scene, role) for role in coarse_roles(self.prepared.scene.empty())]

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """Arrows for every coarse image."""
        if self.prepared is None or ground is None:
            return []
        scene, pictures = self.prepared.scene, []
        for role in coarse_roles(scene.empty()):
            found = registering.measure(AsPan(scene, role))
            side = min(math.ceil(BLOCK * max(scene.empty()[role].ratio)), *scene.shape)
            if found.blocks:
                pictures.append(arrows(found, scene.shape, self.title(role).lower(), "fine bands", side))
        title = "How the images lie on each other"
        return [Section("registration", title, [Pictures(pictures, drawn=True)])] if pictures else []

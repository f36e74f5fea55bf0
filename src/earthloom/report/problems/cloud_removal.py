"""Cloud removal: the mask that was used, where each pixel comes from, and how far off it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import ClassVar

import numpy as np

from earthloom.engine.inputs import opened
from earthloom.engine.options import Run
from earthloom.engine.prepared import Prepared
from earthloom.errors import EarthloomError
from earthloom.prepare.cloud_removal.opening import Clouds, Declouding
from earthloom.problems.cloud_removal import clear, clouded
from earthloom.raster.open import open_image
from earthloom.raster.told import Told
from earthloom.raster.write.place import layer_place
from earthloom.report.html.base import Shown, opened_as
from earthloom.report.html.charts import heat, photo
from earthloom.report.html.known import Known
from earthloom.report.html.looked import Ground, Residual, Survey
from earthloom.report.html.parts import Part, Picture, Pictures, Section, Text
from earthloom.report.html.sure import quantiles
from earthloom.report.words import under_clouds
from earthloom.types import Bool, Float, Observation

SIDE = 420  # pixels of the longer side of a layer
SEEN, MADE, NOTHING = (222, 228, 233), (11, 92, 173), (255, 255, 255)  # colours of the origin


class Declouded(Shown):
    """The optical image without its clouds."""

    problem: ClassVar[str] = "cloud_removal"
    verb: ClassVar[str] = "decloud"
    no_fusion: ClassVar[str] = "none"
    no_fusion_words: ClassVar[str] = "the cloudy image"
    added_words: ClassVar[str] = "Difference from the cloudy image: large under thick clouds, nothing on clear ground."
    agreement: ClassVar[str | None] = "Where the ground was seen the product lies {} % from what was seen."
    flags: ClassVar[Mapping[str, str]] = {
        "optical": "--optical", "sar": "--sar", "mask": "--mask", "date": "--date",
    }  # fmt: skip
    titles: ClassVar[Mapping[str, str]] = {
        "optical": "Cloudy image", "sar": "Radar", "mask": "Mask", "date": "Date", "cloud": "Replaced",
    }  # fmt: skip
    alike: ClassVar[Sequence[str]] = ("optical", "date")

    def laid(self, known: Known, stack: ExitStack, run: Run) -> Prepared:
        """All images on the grid of the optical one."""
        inputs = opened_as(known, list(known.inputs))
        told = known.others.get("clouds")
        clouds = told if isinstance(told, dict) else {}
        values = clouds.get("values")
        values = tuple(float(one) for one in values) if isinstance(values, list) else None
        own = Clouds(values, mask_from=clouds.get("from"), dilate_px=int(clouds.get("dilate_px", 0)))
        masks = {role: Told(mask_values=values) for role in inputs if role.endswith("mask")}
        return Declouding(own, known.sensor)(opened(inputs, None, stack, masks), run)

    def plain(self, obs: Observation) -> Float[np.ndarray, "band y x"]:
        """The image as it is."""
        return obs["optical"].data

    def residuals(
        self, obs: Observation, product: Float[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"]
    ) -> list[Residual]:
        """Where the ground was seen the product should be what was seen."""
        optical = obs["optical"]
        return [Residual(product - optical.data, clear(obs) & valid, optical.data, "optical")]

    def outlined(self, obs: Observation) -> Bool[np.ndarray, "y x"]:
        """The clouds."""
        return clouded(obs)

    def told(self, known: Known) -> list[str]:
        """How the masks are read."""
        told = known.others.get("clouds")
        clouds = told if isinstance(told, dict) else {}
        words = ["--mask-from", str(clouds["from"])] if clouds.get("from") else []
        return words + (["--dilate", str(clouds["dilate_px"])] if clouds.get("dilate_px") else [])

    def in_short(self, known: Known) -> list[str]:
        """What lay under clouds, what fills it, and whether the rim shows."""
        told = "; ".join(under_clouds(known.figures))
        return [f"{told[0].upper()}{told[1:]}."] if told else []

    def sections(self, known: Known, ground: Ground | None, survey: Survey | None) -> list[Section]:
        """Mask, origin, clear dates and uncertainty."""
        pictures, parts = [], list[Part]()
        place = layer_place(known.path)
        with suppress(EarthloomError, OSError):
            with open_image(place) as image:
                read = {name: image.pick([at]).decimated(SIDE) for at, name in enumerate(image.names)}
            layers = {name: np.where(known, data[0], np.nan) for name, (data, known) in read.items()}
            pictures += self._layers(layers)
            if "uncertainty" in layers:
                sure = layers["uncertainty"][layers["origin"] > 0.5]
                sure = sure[np.isfinite(sure)]
                if sure.size:
                    parts.append(quantiles(sure, "replaced pixels"))
        if not pictures and ground is not None:
            pictures += self._mask(ground)
        if not pictures:
            return []
        words = "Clear pixels stay as they were, bit by bit, unless the run was told to replace all."
        return [
            Section(
                "origin", "Where each pixel comes from", [Pictures(pictures, drawn=True), Text(words, "note"), *parts]
            )
        ]

    def _layers(self, layers: Mapping[str, np.ndarray]) -> list[Picture]:
        """The layers beside the product; NaN where they hold nothing."""
        found, made = list[Picture](), np.zeros((1, 1), bool)
        if "origin" in layers:
            made = layers["origin"] > 0.5
            found.append(origin_picture(made, np.isfinite(layers["origin"])))
        if "clear_dates" in layers and np.nan_to_num(layers["clear_dates"]).max() > 0:
            bits = np.nan_to_num(layers["clear_dates"]).astype(np.int64)
            count = np.sum([(bits >> k) & 1 for k in range(24)], axis=0).astype(float)
            found.append(heat(
                np.where(made, count, np.nan), "Number of clear dates under clouds", "clear dates", "Clear dates",
                highest=float(count.max()),
            ))  # fmt: skip
        sure = np.where(made, layers.get("uncertainty", np.nan), np.nan)
        if np.isfinite(sure).any():
            unit = "units of the image"
            found.append(heat(sure, "Expected error under clouds", unit, "Expected error", colours="magma"))
        return found

    def _mask(self, ground: Ground) -> list[Picture]:
        """The mask as it was used, of products without such layers: of small ones the whole."""
        mask = ground.outlined()
        if mask is None:
            return []
        step = max(1, round(max(mask.shape) / SIDE))
        mask = mask[::step, ::step]
        return [origin_picture(mask, np.ones(mask.shape, bool))]


def origin_picture(made: Bool[np.ndarray, "y x"], valid: Bool[np.ndarray, "y x"]) -> Picture:
    """Where pixels come from."""
    shades = np.array([NOTHING, SEEN, MADE], np.uint8)
    pixels = shades[np.where(valid, 1 + made, 0)]
    words = "Blue: made by the method. Grey: as the cloudy image has it."
    return photo(pixels, f"Mask of the pixels that were replaced. {words}", "Origin", words, True)

"""Where every pixel of a product comes from, and how far it may be off: files beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from earthloom.engine.job import Fusion, Made
from earthloom.engine.passes import halo_px, nothing_seen, observe_filled, product_of
from earthloom.engine.prepared import Layer
from earthloom.ops.moments import Stats
from earthloom.ops.quantise import quantise
from earthloom.problems import catalog as problems
from earthloom.problems.cloud_removal import clouded, dates
from earthloom.raster.write.place import QUALITY
from earthloom.types import Observation, Product, Window

BANDS = ("origin", "clear_dates", "uncertainty")
UNSEEN = 255  # code of pixels that hold nothing in the mask
ORIGIN = {"0": "as the optical image has it", "1": "made by the method"}
MOST_DATES = 24  # that whole numbers in single precision tell apart


@dataclass(frozen=True)
class Declouded(Fusion):
    """A cloud removal with what is told about every pixel.

    Parameters
    ----------
    beside
        Whether there is a layer of quality: origin, clear dates (bits), uncertainty.
    masked
        Whether there is a layer of the mask.
    everywhere
        Whether the method makes every pixel.
    """

    beside: bool = False
    masked: bool = False
    everywhere: bool = False

    def make(self, tile: Window, stats: Stats) -> Made:
        """The tile and its layers, as they are stored."""
        if not (self.beside or self.masked):
            return super().make(tile, stats)
        problem = problems.find(self.method.card.problem)
        obs = observe_filled(self.scene, tile, halo_px(self.method, self.scene.empty()), problem)
        if obs is None:
            product = nothing_seen(self.scene, tile, problem)
            cloud, told = np.zeros(product.valid.shape, bool), np.zeros((len(BANDS), *product.valid.shape), np.float32)
        else:
            image, measured, off = self.method.fuse_judged(obs, stats)
            product = product_of(image, measured, obs, problem)
            cloud = clouded(obs)[obs.core_window.slices]
            told = self._told(obs, cloud, off)
        made = self.encode.made(product)
        return made._replace(stored=(*made.stored, *self._layers(cloud, told, product)))

    def _told(self, obs: Observation, cloud: np.ndarray, off: np.ndarray | None) -> np.ndarray:
        """Of the core: the origin, which dates are clear where it is the method, and the uncertainty."""
        rows, cols = obs.core_window.slices
        made = cloud | self.everywhere
        bits = np.zeros(cloud.shape, np.float32)
        for k, view in enumerate(dates(obs)[:MOST_DATES]):
            bits += np.float32(1 << k) * view.valid[rows, cols]
        sure = np.where(made, np.float32(np.nan), np.float32(0)) if off is None else off[rows, cols]
        return np.stack([made, np.where(made, bits, 0), sure]).astype(np.float32)

    def _layers(self, cloud: np.ndarray, told: np.ndarray, product: Product) -> tuple[np.ndarray, ...]:
        """Quality and mask of a tile, of which there are those that were asked for."""
        found = []
        if self.beside:
            found.append(np.where(product.valid, told, np.float32(np.nan)))
        if self.masked:
            found.append(quantise(cloud[None].astype(np.float32), product.valid, "uint8", nodata=UNSEEN))
        return tuple(found)


def layers_of(beside: bool, save_mask: Path | None, dated: Mapping[str, date | None]) -> tuple[Layer, ...]:
    """The files beside a product, by what was asked for and the dates that there are."""
    found = []
    if beside:
        known = {str(1 << k): str(day or role) for k, (role, day) in enumerate(dated.items())}
        legend = {
            "EARTHLOOM_ORIGIN": json.dumps(ORIGIN), "EARTHLOOM_CLEAR_DATES": json.dumps(known),
            "EARTHLOOM_UNCERTAINTY": "expected error over the bands, in physical units of the product: mean absolute "
            "as the network tells, root mean square where the parameters say how it was found; 0 where it is kept, "
            "missing where the method cannot tell",
        }  # fmt: skip
        found.append(Layer(QUALITY, BANDS, "float32", math.nan, legend))
    if save_mask is not None:
        found.append(Layer("_mask", ("cloud",), "uint8", UNSEEN, {}, save_mask))
    return tuple(found)

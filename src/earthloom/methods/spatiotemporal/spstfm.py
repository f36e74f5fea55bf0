"""SPSTFM: fine and coarse changes in one sparse code, with dictionaries learnt on the scene itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import Card
from earthloom.methods.families.dictionaries import patch_samples, transferred
from earthloom.methods.families.known_dates import KnownDate, Temporal, around, coarse_predicted, known_dates
from earthloom.methods.fields import within
from earthloom.ops.moments import Stats
from earthloom.ops.similar.pixels import window_mean
from earthloom.types import Bool, Float, Observation


@dataclass(frozen=True)
class Spstfm(Temporal):
    """Sparse representation, ``F_p = w_1 (F_1 + D_f a(C_p - C_1)) + w_3 (F_3 - D_f a(C_3 - C_p))``.

    Two dictionaries share their code: patches of the coarse change ``C_3 - C_1`` and of the fine change ``F_3 - F_1``
    between the known dates, those that vary most, teach them what a coarse change looks like when it is fine. The code
    a of a new coarse change is found by orthogonal matching pursuit in the coarse dictionary and read out in the
    fine one; the mean of a patch goes through as it is. ``w_k ~ 1 / mean |C_p - C_k|`` in a window.

    Parameters
    ----------
    patch_px
        Side of a patch. A larger one holds more of the structure that a coarse pixel hides, and is harder to match.
    overlap_px
        Pixels that neighbouring patches share. More is smoother and slower.
    atoms
        Of each dictionary. More fit the scene more closely, noise included.
    samples
        Patches to learn from, for each band.
    sparsity
        Atoms that may tell about a patch.
    window_px
        Side of the window of the weights, odd.
    """

    patch_px: int = 7
    overlap_px: int = 2
    atoms: int = 256
    samples: int = 2000
    sparsity: int = 3
    window_px: int = 31

    least_pairs: ClassVar[int] = 2
    bytes_per_px: ClassVar[int] = 600
    card: ClassVar[Card] = Card(
        name="SPSTFM",
        title="Sparse-representation-based spatiotemporal reflectance fusion model",
        family="model",
        citation="huang2012",
        halo=2,
        problem="spatiotemporal",
        minimum=2,
        notes="between two known dates; dictionaries are learnt on the scene, with scikit-learn in place of K-SVD, and "
        "matched by pursuit in place of gradient projection; means of patches go around the dictionaries",
    )

    def __post_init__(self) -> None:
        """Refuse what no patch can be."""
        for name, low, high in (("patch_px", 3, 31), ("atoms", 4, 4096), ("samples", 16, 100000), ("sparsity", 1, 32)):
            within(self, name, low, high)
        within(self, "overlap_px", 0, self.patch_px - 1)
        within(self, "window_px", 1, 255)
        if self.window_px % 2 == 0:
            raise MethodError(f"SPSTFM with window_px={self.window_px}", "an odd number, which has a middle")

    @property
    def step_px(self) -> int:
        """From one patch to the next."""
        return self.patch_px - self.overlap_px

    def halo_px(self, ratio: float) -> int:
        """Patches and the window of the weights."""
        return max(2 * self.patch_px, self.window_px // 2)

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """The patches that vary most."""
        first, last, _, _ = self._dates(obs)
        change = last.coarse - first.coarse, last.fine - first.fine
        seen = first.valid & last.valid
        return Stats(samples=patch_samples(obs, *change, seen, self.patch_px, self.step_px, self.samples))

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Forward from the first date and backward from the last one, weighted."""
        first, last, target, _ = self._dates(obs)
        pairs = stats["samples"].dictionaries(self.atoms)
        total, weights = np.zeros(target.shape), np.zeros(obs.shape)
        for date in (first, last):
            change = transferred(obs, target - date.coarse, pairs, self.patch_px, self.step_px, self.sparsity)
            apart = window_mean(np.abs(target - date.coarse), date.valid, self.window_px).mean(axis=0)
            weight = np.where(date.valid, 1 / (apart + 1e-6 * np.abs(target).mean(axis=0) + 1e-12), 1e-12)
            total += weight * (date.fine + change)
            weights += weight
        return (total / weights).astype(obs["fine_1"].data.dtype)

    def _dates(
        self, obs: Observation
    ) -> tuple[KnownDate, KnownDate, Float[np.ndarray, "band Y X"], Bool[np.ndarray, "Y X"]]:
        """The two known dates and the coarse image to predict from, in double precision.

        Which atom fits best is decided by small differences: they must not depend on how a tile was rounded.
        """
        exact = replace(
            obs, views={role: replace(view, data=view.data.astype(np.float64)) for role, view in obs.views.items()}
        )
        dates = known_dates(exact)
        first, last = (dates[number] for number in around(exact))
        target, valid = coarse_predicted(exact)
        return first, last, target, valid

"""Batches of a few neighbouring bands, from cubes with different numbers of them.

A network that sharpens every band with its neighbours needs no whole spectrum to learn from: neighbouring bands show
nearly the same, so that a few bands of many places teach more than all bands of a few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earthloom.errors import InputError
from earthloom.training.loop.config import Config
from earthloom.training.loop.patches import BANDS, MASK, PLACES, TRUTH, Patches, Sample
from earthloom.types import Float


def groups_of_cubes(samples: Sequence[Sample], config: Config, step: int, augment: str) -> BandGroups:
    """Groups of ``config.group`` bands from cubes with any numbers of them; every patch position counts alike."""
    kinds: dict[int, list[Sample]] = {}
    for sample in samples:
        kinds.setdefault(len(sample[TRUTH]), []).append(sample)
    sources = [
        Patches(found, config.patch, step, augment, config.half_scale)  # type: ignore[arg-type]
        for found in kinds.values()
    ]
    return BandGroups(sources, config.group, shares=[len(source) for source in sources])


class BandGroups:
    """Patches with ``bands`` bands each, drawn from patches of whole cubes.

    Every patch takes bands ``first, first + stride, ...`` of its cube, in either order: strides larger than 1 are
    neighbours less alike, as at the ends of a cube and at gaps in its spectrum.

    Parameters
    ----------
    sources
        Patches of cubes; those of one source have the same number of bands.
    bands
        In every patch.
    strides
        Steps between the bands, as likely as each other where the cube has bands enough.
    shares
        How often each source is drawn from; as often as each other without.
    candidates
        Of so many patches drawn, the one is taken whose truth has most that its interpolated cube lacks, on every
        second pixel of the middle of its bands: dark or smooth patches teach little.

    Raises
    ------
    InputError
        If a cube has fewer bands, or sources differ in their grids.
    """

    def __init__(
        self, sources: Sequence[Patches], bands: int = 6, strides: Sequence[int] = (1, 2, 3),
        shares: Sequence[float] | None = None, candidates: int = 1,
    ) -> None:  # fmt: skip
        few = min((min(source.bands.values()) for source in sources), default=0)
        if few < bands:
            raise InputError(f"cubes of {few} bands", f"at least {bands}")
        if len({(source.patch, tuple(sorted(source.ratios.items()))) for source in sources}) > 1:
            raise InputError("cubes on different grids", "one ratio and one size of patches")
        self.sources, self.bands, self.strides = list(sources), bands, sorted(strides)
        self.candidates = candidates
        given = np.ones(len(sources)) if shares is None else np.asarray(shares, float)
        self._until = np.cumsum(given / given.sum())
        self._first = np.cumsum([0, *(len(source.scenes) for source in sources[:-1])])  # number of its first scene
        self.holes = any(source.holes for source in sources)

    def batch(
        self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1
    ) -> dict[str, Float[np.ndarray, "batch _ _ _"]]:
        """The patches of one step, or one process's part of them; see :meth:`Patches.batch`."""
        plan, rows = self.plan(step, batch, seed, rank, of), []
        for places, bands in zip(plan[PLACES], plan[BANDS], strict=True):
            source, candidates = self._found(places)
            place = candidates[0]
            if len(candidates) > 1:
                middle = int(bands[len(bands) // 2])
                place = max(candidates, key=lambda one: source.detail(one, middle))
            row = source.cut(place, bands)
            if self.holes and MASK not in row:
                row[MASK] = np.ones((1, source.patch, source.patch), np.float32)
            rows.append(row)
        return {name: np.stack([row[name] for row in rows]).astype(np.float32, copy=False) for name in rows[0]}

    def plan(self, step: int, batch: int, seed: int = 0, rank: int = 0, of: int = 1) -> dict[str, np.ndarray]:
        """Which patches :meth:`batch` takes.

        Returns
        -------
        ``places``, scene (of all sources, one after the other), row, column and turn of every candidate, and
        ``bands``, those that are taken.
        """
        share = batch // of
        planned = [self._one(step, rank * share + at, batch, seed) for at in range(share)]
        places, bands = (np.stack(parts) for parts in zip(*planned, strict=True))
        return {PLACES: places, BANDS: bands}

    def _one(self, step: int, number: int, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Candidates and bands of one patch."""
        rng = np.random.default_rng((seed, step, number, 1))
        kind = int(np.searchsorted(self._until, rng.random(), side="right"))
        source = self.sources[kind]
        drawn = [source.drawn(seed, step, number + batch * k) for k in range(self.candidates)]
        places = np.array(drawn, np.int64)
        places[:, 0] += self._first[kind]
        return places, self._chosen(min(source.bands.values()), rng)

    def _found(self, places: np.ndarray) -> tuple[Patches, list[Sequence[int]]]:
        """The source of some candidates, and where they lie in it."""
        kind = int(np.searchsorted(self._first, places[0, 0], side="right")) - 1
        inside = places - (self._first[kind], 0, 0, 0)
        return self.sources[kind], inside.tolist()

    def _chosen(self, bands: int, rng: np.random.Generator) -> np.ndarray:
        """Which bands of a cube."""
        fitting = [stride for stride in self.strides if (self.bands - 1) * stride < bands] or [1]
        stride = fitting[int(rng.integers(len(fitting)))]
        first = int(rng.integers(bands - (self.bands - 1) * stride))
        chosen = first + stride * np.arange(self.bands)
        return chosen[::-1] if rng.random() < 0.5 else chosen

"""DualSR: CoarSR, and then a back-projection under the spectral angle that holds it to what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, LOWPASS, Card
from earthloom.methods.fields import within
from earthloom.methods.networks.coarse_stage import PUBLISHED, CoarseStage
from earthloom.methods.networks.cubes import FEWEST, whole_pixels
from earthloom.methods.networks.network import Fitted, Trained
from earthloom.methods.wrappers.refined import refined_reach
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.backproject import back_project
from earthloom.physics.fine_stage import HALF, difference, weight_of
from earthloom.physics.resample import imresize
from earthloom.problems.superresolution import hs_gains, on_grid, ratio_in
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class DualSR(CoarseStage):
    """CoarSR's cube U, refined: ``U <- U + up(w (H - D B U))`` until it is what was seen.

    The fine stage as ``published`` holds U to V, the cube that CoarSR makes at half the ratio: ``U <- U + c up2(V -
    down2(U))``, one step with one c for the scene, ``min(mean angle between down2(U) and V in degrees, 1)``. Ours holds
    it to the cube H itself, which nobody had to estimate, for any ratio. The other parameters are CoarSR's.

    Parameters
    ----------
    fine
        ``spectral``: ours; ``published``: ratios 4 and 8 alone, and weights of half the ratio; ``none``: CoarSR.
    steps
        Of ours. More agree better with the cube, and raise its noise.
    angle_deg
        Of ours: pixels whose spectra differ by less than this from what was seen are corrected less, in proportion;
        0 corrects all alike.
    half_weights
        For ``published``: the weights of half the ratio; None picks shipped ones.
    """

    fine: Literal["spectral", "published", "none"] = "spectral"
    steps: int = 5
    angle_deg: float = 0.0
    half_weights: str | None = None

    aside: ClassVar[tuple[str, ...]] = (*CoarseStage.aside, "fine", "steps", "angle_deg", "half_weights")
    card: ClassVar[Card] = Card(
        name="DualSR",
        title="Dual-stage super-resolution: adjacent spectral fusion, then back-projection",
        family="network",
        citation="li2021dualsr",
        problem="superresolution",
        halo=48,
        minimum=8,
        min_bands=FEWEST,
        notes="written from a specification of the authors' programs; the fine stage as published needs fine=published",
        weights_of="coarsr",
        published={**PUBLISHED, "fine": "published"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, "steps", 1, 100)
        within(self, "angle_deg", 0.0, 180.0)

    def reach_px(self) -> int:
        """That of the coarse stage, and what the fine stage looks further."""
        more = {"spectral": refined_reach(self.steps), "published": INTERPOLATION + LOWPASS, "none": 0}
        return super().reach_px() + more[self.fine]

    def halo_px(self, ratio: float) -> int:
        """Reach of both stages."""
        return math.ceil(self.reach_px() * ratio)

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """The scale of the scene; as published, then the angle between both resolutions."""
        return 2 if self.fine == "published" else 1

    def fitted(self, obs: Observation) -> Fitted:
        """With the weights that fit; ``published`` also asks for those of half the ratio."""
        if self.fine == "published":
            self._half(obs)
        return super().fitted(obs)

    def measure(self, trained: Trained, obs: Observation, so_far: Stats | None) -> Stats:
        """The scale; in the second round the angle between ``down2(U)`` and V over the core."""
        if so_far is None:
            return self.summarise(obs, None)
        whole, skip = whole_pixels(obs)
        _, angle = difference(*self._both(trained, whole, so_far))
        valid = np.kron(whole["hs"].valid, np.ones((ratio_in(obs) // HALF,) * 2, bool))
        spans = []
        for first, count, before in zip(obs.core_window[:2], obs.core_window[2:], skip, strict=True):
            spans.append(slice(-(-(first + before) // HALF), -(-(first + before + count) // HALF)))
        rows, cols = spans
        seen = angle[rows, cols][valid[rows, cols]]
        return Stats(base=so_far["base"], angle=Moments.of(seen[None]))

    def apply(self, trained: Trained, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Both stages."""
        if self.fine == "published":
            whole, skip = whole_pixels(obs)
            image, half = self._both(trained, whole, stats)
            apart, _ = difference(image, half)
            weight = image.dtype.type(weight_of(float(stats["angle"].mean[0])))
            image = image + imresize(weight * apart, HALF)
            return image[:, skip[0] : skip[0] + obs.shape[0], skip[1] : skip[1] + obs.shape[1]]
        image = super().apply(trained, obs, stats)
        if self.fine == "none":
            return image
        return back_project(obs, image, hs_gains(obs), self.steps, "hs", self.angle_deg, out=image).image

    def _both(
        self, trained: Trained, whole: Observation, stats: Stats
    ) -> tuple[Float[np.ndarray, "band Y X"], Float[np.ndarray, "band y x"]]:
        """U and V over whole coarse pixels."""
        half, there = self._half(whole)
        assert isinstance(half.inner, CoarseStage)
        seen = replace(half.trained, look=trained.look)
        return super().apply(trained, whole, stats), half.inner.apply(seen, there, stats)

    def _half(self, obs: Observation) -> tuple[Fitted, Observation]:
        """The network of half the ratio, and what it sees.

        Raises
        ------
        MethodError
            If half the ratio is none, or no weights are for it.
        """
        ratio, hs = ratio_in(obs), obs["hs"]
        if ratio % HALF or ratio == HALF:
            raise MethodError(
                f"the published fine stage at ratio {ratio}", "ratio 4 or 8: it compares with half the ratio",
                "fine=spectral takes any ratio",
            )  # fmt: skip
        own = on_grid(hs.data, hs.valid, hs.bands, ratio // HALF)
        shape = (hs.shape[0] * ratio // HALF, hs.shape[1] * ratio // HALF)
        there = replace(obs, views={"hs": own}, shape=shape, core=None, origin=(0, 0))
        return replace(self, weights=self.half_weights, fine="none").fitted(there), there

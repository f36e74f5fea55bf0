"""PCA: PAN in the place of the first principal component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from earthloom.errors import MethodError
from earthloom.methods.base import INTERPOLATION, LOWPASS, Card, Method
from earthloom.methods.families.pan_ms import inject
from earthloom.methods.families.substitution import (
    Detail,
    coarse_stats,
    direction,
    expand_with_detail,
    fine_stats,
    in_pan_units,
    matched_pan,
    projection,
    weighted,
)
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.forward import expand
from earthloom.types import Float, Observation


@dataclass(frozen=True)
class Pca(Method):
    """Principal component sharpening.

    ``F = M + V V' g (P' - C)`` with the interpolated bands M, V the first principal directions of their covariance
    and C what PAN, matched to it, replaces. The published method, ``components=1, detail="substitution"``, takes
    ``V = v_1``, ``C = v_1' (M - mean M)``, ``V' g = 1`` and P' with the standard deviation of C. It fails where the
    first component is not what PAN sees, as with short-wave infrared bands. By default the two first components
    receive only the detail of PAN, ``P' - C = P - U D B P``, each as strongly as it varies with the intensity that
    fits PAN: ``v_k' g = cov(v_k' d, d_I) / var(d_I)`` with the detail d that a sensor one scale coarser would lose.

    Parameters
    ----------
    components
        Principal components that receive detail; more let bands differ more freely, all of them make it GS.
    detail
        ``highpass`` adds what PAN has beyond the MS resolution; ``substitution`` puts PAN itself in the place of the
        first component (then ``components`` must be 1).

    References
    ----------
    Chavez and Kwarteng, Photogrammetric Engineering and Remote Sensing 55(3), 339-348, 1989.
    """

    components: int = 2
    detail: Detail = "highpass"

    card: ClassVar[Card] = Card(
        name="PCA", title="Principal component analysis", family="component substitution", citation="chavez1989",
        halo=INTERPOLATION + LOWPASS,
        published={"components": 1, "detail": "substitution"},
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.components < 1 or (self.detail == "substitution" and self.components != 1):
            raise MethodError(
                f"{self.components} components with detail={self.detail!r}",
                "at least one component, exactly one with 'substitution'",
            )

    def summarise(self, obs: Observation, so_far: Stats | None) -> Stats:
        """Moments on the MS grid, or on the PAN grid for a plain substitution."""
        return coarse_stats(obs) if self.detail == "highpass" else fine_stats(obs)

    def fuse(self, obs: Observation, stats: Stats) -> Float[np.ndarray, "band y x"]:
        """Inject along the principal directions."""
        if self.detail == "substitution":
            fused, fine = expand(obs), stats["fine"]
            first = self.axes(fine)[:, 0]
            own = fine.combine(np.append(first, 0.0)[None], np.zeros(1))
            matched = matched_pan(obs, fine, float(own.mean[0]), float(own.std[0]))
            return inject(fused, first, (matched - weighted(fused, first, 0.0))[None])
        coarse = stats["coarse"]
        weights, _ = in_pan_units(coarse, direction(obs, coarse, "regression")[0])
        axes = self.axes(coarse)
        fused, detail = expand_with_detail(obs)
        return inject(fused, axes @ (axes.T @ projection(stats["lost"], weights)), detail[None])

    def axes(self, moments: Moments) -> Float[np.ndarray, "band component"]:
        """Principal directions of the bands, strongest first, each with its largest weight positive."""
        bands = len(moments.mean) - 1
        vectors = np.linalg.eigh(moments.covariance[:bands, :bands])[1][:, ::-1][:, : self.components]
        largest = np.abs(vectors).argmax(axis=0)
        return vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)

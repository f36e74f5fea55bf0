"""CoarSR: every band of a cube sharpened with its neighbours, the coarse stage of DualSR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from earthloom.methods.base import Card
from earthloom.methods.networks.coarse_stage import PUBLISHED, CoarseStage
from earthloom.methods.networks.cubes import FEWEST


@dataclass(frozen=True)
class CoarSR(CoarseStage):
    """Adjacent spectral fusion, ``F = U H + tail(context(fusion(groups)))`` for each band and four neighbours.

    A band b and its neighbours form three groups, (b), (l1, b, r0) and (l0, b, r1). Two rounds fuse features inside
    the groups and between them (ASFM); a linear recurrence over the bands carries their context (FCF); sub-pixel
    convolutions bring the features to the wanted grid. The parameters are those of the coarse stage.
    """

    card: ClassVar[Card] = Card(
        name="CoarSR",
        title="Adjacent spectral fusion, band by band",
        family="network",
        citation="li2021coarsr",
        problem="superresolution",
        halo=32,
        minimum=4,
        min_bands=FEWEST,
        notes="written from a specification of the authors' program, whose weights can be imported; ours leave out "
        "biases and batch norm and upsample at once",
        published=PUBLISHED,
    )

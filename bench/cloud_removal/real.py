"""Real clouds: SEN12MS-CR triplets with radar, cloudy and clear pairs without, the dates of one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.cloud_removal.cases import PEAK, SAR, Case, observe, read
from earthloom.problems.cloud_removal import cloud_view
from earthloom.types import Observation

FOLDER = SAR / "sen12mscr_real"
PLACES = {  # triplet: place, as the data's README tells them apart
    "2266": "C", "2729": "D", "3968": "E", "4065": "F", "4287": "F", "4294": "F", "4433": "F", "4438": "F",
    "6553": "I", "6780": "I",
}  # fmt: skip
FOLDS = {"F": ("F",), "CDEI": ("C", "D", "E", "I")}  # each is judged by a network that saw the other alone
LAND = tuple(  # pairs of one state on both sides
    [f"ROIs1158_spring_39_p{n}" for n in (100, 500, 838)] + [f"ROIs1868_summer_102_p{n}" for n in (100, 500, 840)]
)
REVERSED = tuple(f"ROIs1970_fall_85_p{n}" for n in (753, 782))  # thin cirrus over "clear"
WATER = (
    "ROIs1868_summer_135_p292", "ROIs1868_summer_135_p473", "ROIs1868_summer_31_p100",
    *(f"ROIs1970_fall_148_p{n}" for n in (521, 549, 792)),
)  # fmt: skip
DATES = {  # cloudy date of the series: the clear one beside it
    "2018-01-21": "2018-04-26", "2018-03-07": "2018-04-26", "2018-03-22": "2018-04-26", "2018-07-05": "2018-06-10",
    "2018-09-18": "2018-10-23",
}  # fmt: skip
REVERSED_SHIFT = (1, 0)  # whole pixels by which "cloudy" of the reversed pairs lies down and right


@dataclass(frozen=True)
class Seen:
    """A place twice: reflectance x 10000 with clouds and without, what is masked, and radar in dB if there is any."""

    name: str
    cloudy: np.ndarray
    clear: np.ndarray
    mask: np.ndarray
    sar: np.ndarray | None = None
    known: np.ndarray | None = None  # where the clear image is clear; None: everywhere

    def observe(self, mask: np.ndarray | None = None) -> Observation:
        """The cloudy image under its mask, or under another one."""
        obs = observe(self.cloudy, self.sar)
        return replace(obs, views={**obs.views, "cloud": cloud_view(self.mask if mask is None else mask)})


def triplets(places: tuple[str, ...] = tuple("CDEFI")) -> Iterator[Seen]:
    """Triplets of some of the places; the truth ends at reflectance 1, as in the figures of others."""
    for name, place in PLACES.items():
        if place in places:
            stem = FOLDER / "triplets" / name
            yield Seen(
                name, read(f"{stem}_cloudy.tif"), np.clip(read(f"{stem}_clear.jp2"), 0, PEAK),
                read(f"{stem}_mask.tif")[0] > 0, read(f"{stem}_s1.tif") / 100,
            )  # fmt: skip


def pairs(names: tuple[str, ...]) -> Iterator[Seen]:
    """Pairs without radar; reversed ones are turned round, and their truth is known where s2cloudless sees no cloud."""
    for name in names:
        stem = FOLDER / "pairs" / name
        cloudy, clear = read(f"{stem}_cloudy.tif"), read(f"{stem}_clear.jp2")
        mask = read(f"{stem}_s2cloudless.tif")[0] > 0
        if name in REVERSED:
            moved = [np.roll(x, [-n for n in REVERSED_SHIFT], (-2, -1)) for x in (cloudy, mask)]
            yield Seen(name, clear, moved[0], np.ones(mask.shape, bool), known=~moved[1])
        else:
            yield Seen(name, cloudy, np.clip(clear, 0, PEAK), mask)


def dates() -> Iterator[Seen]:
    """Cloudy dates of one place with the clear date nearest to each: sources of clouds, no truth."""
    for cloudy, clear in DATES.items():
        above, below = (read(FOLDER / "series_2018" / f"{day}.tif") for day in (cloudy, clear))
        yield Seen(cloudy, above, below, read(FOLDER / "series_2018" / f"{cloudy}_s2cloudless.tif")[0] > 0)


def cases() -> Iterator[Case]:
    """The ten triplets as cases of the benchmark."""
    for seen in triplets():
        yield Case("triplets", seen.name, seen.observe(), seen.clear)

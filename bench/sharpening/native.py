"""Every method of sharpening at full resolution, where no truth is known: does it agree with what was seen?

    python -m bench.sharpening.native

Hyperion by ALI's PAN alone and by PAN and the nine bands of ALI, 30 to 10 m; Landsat 8 by Sentinel-2, 30 to 10 m. The
gain of the coarse bands is that which the scene shows (``mtf="auto"``), for the methods and for those who judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench import results
from bench.sharpening import tables
from bench.sharpening.cases import (
    CUT,
    HYPERION,
    Case,
    hyperion_pan_pair,
    pair,
    read,
    reykjavik_pair,
    shifted,
    told,
    view,
)
from bench.sharpening.run import as_pan, rows_of
from earthloom.engine.passes import fuse_whole
from earthloom.errors import EarthloomError
from earthloom.metrics import consistency_of
from earthloom.physics.forward import expand
from earthloom.sensors import load
from earthloom.types import Observation

BLUR = "auto"
FIRST = 13  # column of the MS pair at which the PAN pair begins


def native() -> Iterator[Case]:
    """The pairs as they were seen; of the truth there is none."""
    for name, obs in (
        ("Hyperion by ALI PAN, 30 to 10 m", hyperion_pan_pair()),
        ("Hyperion by ALI PAN and MS, 30 to 10 m", with_ms(hyperion_pan_pair())),
        ("Landsat 8 by Sentinel-2, 30 to 10 m", reykjavik_pair()),
    ):
        coarse = obs["coarse"]
        yield Case(name, BLUR, told(obs), np.empty((len(coarse.bands), 0, 0)))


def with_ms(obs: Observation) -> Observation:
    """ALI's nine bands as guides beside its PAN: of 30 m, interpolated, as the verb lays guides on the finest grid."""
    coarse, fine = obs["coarse"], obs["fine"]
    ms = read(HYPERION / "hs_ms_ali_ms.tif")[0]
    # onto the cube's place (see ``hyperion_ms``), and the columns that PAN covers
    ms = np.stack([shifted(band, 0.15, 0.47) for band in ms])[:, :, FIRST : FIRST + coarse.shape[1]]
    laid = expand(pair(fine, replace(coarse, data=ms, bands=load("ali").bands)), ms, role="coarse")
    guides = view(np.concatenate([fine.data, laid]), (*fine.bands, *load("ali").bands))
    return pair(guides, coarse)


def figures(case: Case, image: np.ndarray) -> dict[str, object]:
    """The residual in the coarse bands, and how much detail there is and how much of it the guides have."""
    obs, inner = as_pan(case.obs), np.zeros(image.shape[1:], bool)
    inner[CUT:-CUT, CUT:-CUT] = True
    found = {name: float(value) for name, value in consistency_of(image, obs, valid=inner).items()}
    rows, cols = np.nonzero(inner)
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    none = expand(case.obs, case.obs["coarse"].data, role="coarse")
    added = (image - none)[:, *box].reshape(len(image), -1)
    spread = none[:, *box].reshape(len(image), -1).std(axis=1)
    return {
        "each": [found[f"rmse_{band.name}"] for band in case.obs["coarse"].bands],
        "ergas": found["ergas"],
        "sam_deg": found["sam_deg"],
        "added": float(np.mean(added.std(axis=1) / spread)),
        "detail_cc": found["pan_detail_cc"],
    }


def measured(case: Case) -> list[dict[str, object]]:
    """One row for every method that does not refuse the scene."""
    rows = []
    for problem, name, method, obs in rows_of(case):
        try:
            method.check(obs, obs.shape)
            image = fuse_whole(method, obs)
        except EarthloomError:
            continue
        about = {"problem": problem, "method": name, "bands": [band.name for band in case.obs["coarse"].bands]}
        rows.append({**about, **figures(case, image)})
    return rows


def main() -> None:
    """Measure and save."""
    made = {}
    for case in native():
        rows, gain = measured(case), case.obs["coarse"].bands[0].mtf_nyquist
        made[results.key_of(case.scene)] = tables.native(case.scene, gain, rows)
        print(f"{case.name}: {len(rows)} rows", flush=True)
    results.record("sharpening", "native", made, results.NOTHING_DRAWN)


if __name__ == "__main__":
    main()

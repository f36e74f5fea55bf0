"""A verdict must hold for the truth: beside PAN and MS of published test images no line grades it below good."""

from __future__ import annotations

import numpy as np
import pytest
from bench.data import triplets

from earthloom.engine.passes import fuse_whole
from earthloom.evaluation.verdicts import without_reference
from earthloom.methods import catalog
from earthloom.metrics import consistency_of, support_of
from earthloom.types import Observation


def figures(image: np.ndarray, obs: Observation) -> dict[str, float]:
    """Those that a verdict needs."""
    found = {name: float(value) for name, value in support_of(image, obs).items()}
    return found | {f"consistency_{name}": float(value) for name, value in consistency_of(image, obs).items()}


@pytest.mark.usefixtures("shared")
def test_the_truth_is_called_nothing_that_it_is_not() -> None:
    for case in triplets():
        assert case.truth is not None
        own, plain = figures(case.truth, case.obs), figures(fuse_whole(catalog.make("exp"), case.obs), case.obs)
        told = {line.about: line for line in without_reference(own, plain, case.obs.ratio)}
        assert [told[about].grade for about in ("spectra", "detail of PAN")] == ["good", "good"], case.name
        assert told["hallucination"].grade == "look" and told["hallucination"].better is None, case.name
        assert f"{own['hallucination_percent']:.0f} % of detail is in neither PAN nor MS" in told["hallucination"].words
        assert own["hallucination_percent"] > 20, "no bound on the share alone tells mottle"

"""Hallucination and omission on cases whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom import metrics
from earthloom.errors import InputError
from earthloom.metrics.degrade import observe
from earthloom.physics.forward import expand, reduce, smooth
from earthloom.types import Observation, View

RATIO, SIDE, GAIN = 4, 256, 0.3
SLOPES = (0.6, 1.4, -0.8)


def rough(rng: np.random.Generator, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """Structure of all sizes: noise whose spectrum falls as 1 / f."""
    f = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    f[0, 0] = 1
    image = np.fft.irfft2(np.fft.rfft2(rng.normal(size=shape)) / f, shape)
    return 500 + 60 * image / image.std()


@pytest.fixture(scope="module")
def seen() -> Observation:
    """An MS that is PAN through the sensor, each band with its own gain."""
    pan = rough(np.random.default_rng(5))
    fine = np.stack([400 + slope * (pan - 500) for slope in SLOPES])
    empty = observe((SIDE, SIDE), np.zeros((3, SIDE // RATIO, SIDE // RATIO)), pan, RATIO, GAIN)
    return replace(empty, views={**empty.views, "ms": replace(empty["ms"], data=reduce(empty, fine, GAIN))})


def injected(obs: Observation, share: float = 1.0) -> np.ndarray:
    """The interpolated MS and so much of the detail of PAN as it should have."""
    detail = obs["pan"].data - smooth(obs, obs["pan"].data, [GAIN])
    return expand(obs) + share * np.array(SLOPES)[:, None, None] * detail


def both(product: np.ndarray, obs: Observation, **more: np.ndarray) -> tuple[float, float]:
    found = metrics.support_of(product, obs, **more)
    return found["hallucination_percent"], found["omission_percent"]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0, 1.5])
def test_detail_of_pan_is_no_hallucination_and_what_lacks_is_omission(seen: Observation, share: float) -> None:
    made, lacking = both(injected(seen, share), seen)
    assert made == pytest.approx(0, abs=1e-3)
    assert lacking == pytest.approx(100 * max(1 - share, 0), abs=0.2)


def test_no_fusion_invents_nothing_and_lacks_all(seen: Observation) -> None:
    assert both(expand(seen), seen) == (pytest.approx(0, abs=1e-6), pytest.approx(100, abs=1e-6))


def test_the_truth_that_pan_explains_has_neither(seen: Observation) -> None:
    fine = np.stack([400 + slope * (seen["pan"].data[0] - 500) for slope in SLOPES])
    made, lacking = both(fine, seen)
    assert made < 0.5 and lacking < 1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_noise_is_hallucination_by_its_share(seen: Observation, share: float) -> None:
    """Of all detail, in root mean square; the high pass of the noise is what counts."""
    product = injected(seen)
    noise = np.random.default_rng(1).normal(size=product.shape)
    part = [image - smooth(seen, image, [GAIN] * 3) for image in (product, noise)]
    size = np.sqrt(np.square(part).mean(axis=(2, 3)))
    noisy = product + share / np.sqrt(1 - share**2) * (size[0] / size[1])[:, None, None] * noise
    made, lacking = both(noisy, seen)
    assert made == pytest.approx(100 * share, rel=0.03)
    assert lacking < 10  # noise beside the gains


def test_units_change_nothing(seen: Observation) -> None:
    product = injected(seen, 0.7) + np.random.default_rng(2).normal(size=(3, SIDE, SIDE))
    scaled = replace(
        seen, views={role: replace(view, data=1e-4 * view.data) for role, view in seen.views.items()}
    )  # fmt: skip
    other = {**scaled.views, "pan": replace(scaled["pan"], data=300 * scaled["pan"].data)}
    expected = both(product, seen)
    assert both(1e-4 * product, scaled) == pytest.approx(expected, rel=1e-5)
    assert both(1e-4 * product, replace(scaled, views=other)) == pytest.approx(expected, rel=1e-5)
    assert both(product[::-1], _turned(seen)) == pytest.approx(expected, rel=1e-9)


def _turned(obs: Observation) -> Observation:
    """The same with the bands in reverse."""
    return replace(obs, views={**obs.views, "ms": replace(obs["ms"], data=obs["ms"].data[::-1])})


def test_what_is_masked_does_not_count(seen: Observation) -> None:
    product = injected(seen, 0.5)
    valid = np.ones((SIDE, SIDE), bool)
    valid[100:140, 60:200] = False
    product[:, ~valid] = np.nan
    made, lacking = both(product, seen, valid=valid)
    assert made < 3 and lacking == pytest.approx(50, abs=3)
    with pytest.raises(InputError, match="NaN"):
        metrics.support_of(product, seen)
    assert metrics.support_of(np.zeros_like(product), seen) == {"omission_percent": pytest.approx(100)}
    few = np.zeros((SIDE, SIDE), bool)
    few[:3, :3] = True
    assert metrics.support_of(product, seen, valid=few) == {}


def test_several_guides(seen: Observation) -> None:
    """A band made of two guides is explained by both, and by one alone only in part."""
    rng = np.random.default_rng(8)
    guides = np.stack([rough(rng), rough(rng)])
    fine = (guides[:1] + guides[1:]) / 2
    low = replace(seen["ms"], data=reduce(seen, fine, GAIN), bands=seen["ms"].bands[:1])
    two = replace(seen, views={"ms": low, "pan": View(guides, seen["pan"].valid, seen["ms"].bands[:2])})
    made, lacking = both(fine, two)
    assert made < 1 and lacking < 1
    one = replace(two, views={"ms": low, "pan": View(guides[:1], seen["pan"].valid, seen["pan"].bands)})
    assert metrics.support_of(fine, one)["hallucination_percent"] == pytest.approx(100 * np.sqrt(0.5), rel=0.1)


def test_the_map_tells_where(seen: Observation) -> None:
    product = injected(seen)
    product[:, 64:128, 128:192] += np.random.default_rng(3).normal(0, 8, (3, 64, 64))
    shown = metrics.hallucination_map(product, seen)
    step = SIDE / shown.shape[0]
    inside = shown[int(80 / step) : int(112 / step), int(144 / step) : int(176 / step)]
    assert inside.min() > 10 and np.median(shown) < 0.1
    mean = float(np.sqrt(np.mean(shown**2)))
    assert mean == pytest.approx(metrics.support_of(product, seen)["hallucination_percent"], rel=0.25)


def test_plain_arrays(seen: Observation) -> None:
    product, images = injected(seen, 0.5), (seen["pan"].data[0], seen["ms"].data, RATIO, GAIN)
    assert metrics.omission_percent(product, *images) == pytest.approx(50, abs=0.2)
    assert metrics.hallucination_percent(product, *images) == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="window"):
        metrics.hallucination_percent(np.zeros_like(product), *images)


def test_against_the_truth(seen: Observation) -> None:
    truth = injected(seen)
    perfect = metrics.support_against(truth, truth, RATIO)
    assert perfect == {"hallucination_percent": 0, "omission_percent": pytest.approx(0, abs=1e-9)}
    low = truth.mean(axis=(1, 2), keepdims=True)
    half = metrics.support_against(low + (truth - low) / 2, truth, RATIO)
    assert half == {"hallucination_percent": pytest.approx(0, abs=1e-6), "omission_percent": pytest.approx(50)}
    plain = metrics.support_against(expand(seen), truth, RATIO)
    assert plain["omission_percent"] > 60
    noise = np.random.default_rng(3).normal(0, 8, truth.shape)
    assert metrics.support_against(truth + noise, truth, RATIO)["hallucination_percent"] > 20
    with pytest.raises(InputError, match="ratio 1"):
        metrics.support_against(truth, truth, 1)


def test_torch_and_its_gradient(seen: Observation) -> None:
    torch = pytest.importorskip("torch")
    small = seen.crop(seen.core_window._replace(height=96, width=96))
    product = injected(seen, 0.5)[:, :96, :96] + np.random.default_rng(3).normal(0, 3, (3, 96, 96))
    tensor = torch.tensor(product, requires_grad=True)
    found = metrics.support_of(tensor, small)
    assert {name: float(one.detach()) for name, one in found.items()} == pytest.approx(
        metrics.support_of(product, small)
    )
    sum(found.values()).backward()
    assert bool(torch.isfinite(tensor.grad).all()) and float(tensor.grad.abs().max()) > 0

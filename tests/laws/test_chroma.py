"""Speckle of colour is what its figure sees, and brightness is not."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.errors import InputError
from earthloom.metrics import chroma_noise_percent, ergas


def image(seed: int = 0) -> np.ndarray:
    """Four bands whose colours change slowly, and whose brightness does not."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 0.3, 48)
    colours = np.stack([1 + slope[None] * k / 4 + 0 * slope[:, None] for k in range(4)])
    return colours / colours.mean(0) * rng.uniform(100, 300, (48, 48))


def test_brightness_is_not_seen_and_colour_is() -> None:
    smooth, rng = image(), np.random.default_rng(1)
    assert chroma_noise_percent(smooth) < 0.01
    bright = smooth * rng.uniform(0.8, 1.2, (48, 48))
    speckled = smooth * rng.uniform(0.95, 1.05, smooth.shape)
    assert chroma_noise_percent(bright) == pytest.approx(chroma_noise_percent(smooth))
    assert chroma_noise_percent(speckled) > 1.0
    assert ergas(speckled, smooth, ratio=4) < ergas(bright, smooth, ratio=4)  # which shows the worse picture less


def test_by_hand() -> None:
    """One pixel of the inner one is all red in an image of two equal bands: it differs by 1 and -1, from its own 1."""
    two = np.ones((2, 3, 3))
    two[:, 1, 1] = 2.0, 0.0
    assert chroma_noise_percent(two) == pytest.approx(100.0)


def test_what_is_missing_has_no_part() -> None:
    holed, valid = image(), np.ones((48, 48), bool)
    valid[10:20, 10:20] = False
    holed[:, ~valid] = np.nan
    assert chroma_noise_percent(holed, valid=valid) < 0.01
    with pytest.raises(InputError, match="eight valid neighbours"):
        chroma_noise_percent(image(), valid=np.zeros((48, 48), bool))


def test_torch_equals_numpy() -> None:
    torch = pytest.importorskip("torch")
    noisy = image() * np.random.default_rng(2).uniform(0.9, 1.1, (4, 48, 48))
    assert float(chroma_noise_percent(torch.from_numpy(noisy))) == pytest.approx(chroma_noise_percent(noisy))

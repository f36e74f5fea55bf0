"""Sparse codes against scikit-learn, samples that merge, dictionaries that carry a change from sensor to sensor."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from earthloom.methods import catalog
from earthloom.methods.families.dictionaries import Atoms, best, patch_samples, transferred
from earthloom.ops.pursuit import matching_pursuit
from earthloom.types import Band, Observation, View, Window

sklearn = pytest.importorskip("sklearn.linear_model")


def unit(atoms: np.ndarray) -> np.ndarray:
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_codes_are_those_of_scikit_learn(count: int) -> None:
    rng = np.random.default_rng(count)
    atoms, patches = unit(rng.normal(size=(60, 25))), rng.normal(size=(200, 25))
    patches[3], patches[4] = 0, 2.5 * atoms[7]
    found = matching_pursuit(atoms, patches, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on patches that are explained early
        theirs = sklearn.orthogonal_mp(atoms.T, patches.T, n_nonzero_coefs=count).T
    np.testing.assert_allclose(found, theirs, atol=1e-9)
    assert (found[3] == 0).all() and np.count_nonzero(found[4]) == 1


def test_a_sum_of_few_atoms_is_found() -> None:
    rng = np.random.default_rng(0)
    atoms = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    codes = np.zeros((50, 30))
    for code in codes:
        code[rng.choice(30, 3, replace=False)] = rng.normal(size=3)
    np.testing.assert_allclose(matching_pursuit(atoms, codes @ atoms, 3), codes, atol=1e-9)


def observation(shape: tuple[int, int] = (61, 54)) -> Observation:
    rng = np.random.default_rng(1)
    view = View(rng.normal(size=(2, *shape)), np.ones(shape, bool), (Band("a"), Band("b")))
    return Observation({"fine_1": view}, shape)


def test_samples_do_not_depend_on_the_tiles() -> None:
    obs = observation()
    coarse, fine = obs["fine_1"].data, obs["fine_1"].data[::-1].copy()
    whole = patch_samples(obs, coarse, fine, obs["fine_1"].valid, 7, 5, 40)
    parts = []
    for y in range(0, 61, 20):
        for x in range(0, 54, 18):
            core = Window(y, x, min(20, 61 - y), min(18, 54 - x))
            tile = obs.crop(core, 14)
            own = tile["fine_1"].data
            parts.append(patch_samples(tile, own, own[::-1].copy(), tile["fine_1"].valid, 7, 5, 40))
    for merged in (sum(parts[1:], parts[0]), sum(parts[-2::-1], parts[-1])):
        np.testing.assert_array_equal(merged.place, whole.place)
        np.testing.assert_array_equal(merged.patches, whole.patches)
    assert whole.score.shape == (2, 40) and (np.diff(whole.score) <= 0).all()
    valid = obs["fine_1"].valid.copy()
    valid[30, 30] = False
    seen = patch_samples(obs, coarse, fine, valid, 7, 5, 1000)
    rows, cols = seen.place[0] >> 32, seen.place[0] & 0xFFFFFFFF
    assert not ((rows <= 30) & (rows + 7 > 30) & (cols <= 30) & (cols + 7 > 30)).any()


def test_the_best_are_kept_and_ties_come_in_order() -> None:
    score, place = np.array([[1.0, 3.0, 3.0, 2.0]]), np.array([[5, 9, 4, 1]])
    found = best(score, place, np.arange(8.0).reshape(1, 4, 2, 1), 3)
    assert found.place.tolist() == [[4, 9, 1]] and found.patches[0, :, 0, 0].tolist() == [4.0, 2.0, 6.0]


def test_a_pair_of_dictionaries_carries_a_change_across() -> None:
    """Two atoms: what the coarse sensor sees as a ramp is a stripe to the fine one."""
    side, obs = 7, observation((42, 42))
    ramp = np.tile(np.linspace(-1, 1, side), (side, 1))
    other = ramp.T.copy()
    stripe, bar = np.sign(ramp), np.sign(other)
    pair = Atoms(unit(np.stack([ramp.ravel(), other.ravel()])), np.stack([stripe.ravel(), bar.ravel()]))
    patches = np.zeros((1, 42, 42))
    for y in range(0, 42, side):
        for x in range(0, 42, side):
            patches[0, y : y + side, x : x + side] = 4 + (ramp if (y + x) // side % 2 else other)
    found = transferred(obs, patches, [pair], side, side, 1)
    length = np.linalg.norm(ramp)
    for y in range(0, 42, side):
        for x in range(0, 42, side):
            wanted = 4 + length * (stripe if (y + x) // side % 2 else bar)
            np.testing.assert_allclose(found[0, y : y + side, x : x + side], wanted, atol=1e-9)
    plain = transferred(obs, patches, [None], side, side, 1)  # nothing learnt: means of patches alone
    np.testing.assert_allclose(plain, 4, atol=1e-9)


def series(steps: tuple[float, float, float], seed: int = 0) -> tuple[Observation, np.ndarray]:
    """A texture that grows and shrinks; the coarse sensor sees it smoothed, everywhere on the fine grid."""
    rng, shape = np.random.default_rng(seed), (96, 96)
    texture = rng.normal(size=(1, *shape))
    for axis in (1, 2):
        texture = (texture + np.roll(texture, 1, axis) + np.roll(texture, -1, axis)) / 3
    smooth = texture
    for axis in (1, 2):
        smooth = sum(np.roll(smooth, k, axis) for k in range(-2, 3)) / 5
    bands, valid = (Band("a"),), np.ones(shape, bool)
    views = {}
    for name, step in zip(("1", "p", "2"), steps, strict=True):
        views[f"coarse_{name}"] = View(1000 + 50 * step * smooth, valid, bands)
        views[f"fine_{name}"] = View(1000 + 50 * step * texture, valid, bands)
    truth = views.pop("fine_p").data
    return Observation(views, shape), truth


def test_spstfm_finds_texture_that_the_coarse_sensor_smooths() -> None:
    obs, truth = series((1.0, 2.0, 4.0))
    method = catalog.make("spstfm", "spatiotemporal", atoms=64, samples=400)
    stats = method.summarise(obs, None)
    found = method.fuse(obs, stats)
    low = {role: obs[role].data for role in ("coarse_1", "coarse_2", "coarse_p")}
    plain = 0.5 * (obs["fine_1"].data + obs["fine_2"].data + 2 * low["coarse_p"] - low["coarse_1"] - low["coarse_2"])

    def error(image: np.ndarray) -> float:
        return float(np.sqrt(np.mean((image - truth) ** 2)))

    assert error(found) < 0.7 * error(plain)
    again = replace(method, samples=400).fuse(obs, method.summarise(obs, None))
    np.testing.assert_array_equal(found, again)

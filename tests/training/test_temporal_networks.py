"""STFGAN and STFDCNN: what they begin as, what they see, what teaches which part, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product as all_of
from pathlib import Path

import numpy as np
import pytest
import torch

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning, MethodError
from earthloom.methods import catalog
from earthloom.methods.families import change
from earthloom.methods.networks.network import Fitted, Network, Sizes, Trained, prepared
from earthloom.methods.networks.scaling import scale_of
from earthloom.nn import reach
from earthloom.nn.fusion_gan import StfganNet
from earthloom.nn.two_steps import LEVEL, modulated
from earthloom.ops.moments import Moments, Stats
from earthloom.physics.clouds import fractal
from earthloom.physics.forward import expand, reduce
from earthloom.problems.base import Case
from earthloom.problems.spatiotemporal import Spatiotemporal
from earthloom.training.adapt import adapt
from earthloom.training.cases.spatiotemporal import simulated
from earthloom.training.job import prepare_training
from earthloom.training.lessons.adversarial import Lessons
from earthloom.training.loop.loop import Config, fit
from earthloom.types import Band, Observation, View, Window

PROBLEM = "spatiotemporal"
BANDS = tuple(Band(name, nm, mtf_nyquist=0.3) for name, nm in (("green", 560.0), ("red", 665.0), ("nir", 842.0)))
DAYS = (date(2020, 3, 1), date(2020, 5, 1), date(2020, 7, 1), date(2020, 9, 1))
TINY = {"width": 8, "coarse_blocks": 1, "fine_blocks": 1, "kernel": 3, "critic_width": 2}


def series(shape: tuple[int, int] = (128, 144), ratio: int = 16, dates: int = 3, seed: int = 0) -> list[View]:
    """Fields of three kinds whose reflectance follows the season, each in its own way."""
    rng = np.random.default_rng(seed)
    kinds = np.stack([fractal(shape, rng, 24) for _ in range(3)]).argmax(axis=0)
    texture = 0.01 * rng.normal(size=(3, *shape))
    seasons = rng.uniform(0.05, 0.4, (dates, 3, 3))
    return [
        View((seasons[k][:, kinds] + texture).astype(np.float32), np.ones(shape, bool), BANDS, date=DAYS[k])
        for k in range(dates)
    ]


def case(fine: list[View], wanted: int, ratio: int = 16, noise: float = 0.0) -> Case:
    """All other dates are known."""
    rng = np.random.default_rng(1)
    coarse = [simulated(view, ratio, noise, rng) for view in fine]
    views = {"coarse_p": coarse[wanted]}
    for at, k in enumerate((k for k in range(len(fine)) if k != wanted), start=1):
        views |= {f"fine_{at}": fine[k], f"coarse_{at}": coarse[k]}
    return Case(Observation(views, fine[0].shape), fine[wanted].data)


@pytest.fixture(scope="module")
def three() -> Case:
    return case(series(), 1)


@pytest.fixture(scope="module")
def one() -> Case:
    return case(series(dates=2), 1)


EACH = "stfgan, bands one by one"
OWN: dict[str, dict[str, object]] = {
    "stfgan": {**TINY, "bands_seen": "together"}, EACH: {**TINY, "bands_seen": "each"}, "stfdcnn": {"width": 4}
}  # fmt: skip


def make(name: str, **fields: object) -> Network:
    found = catalog.make(name.split(",")[0], PROBLEM, **{**OWN[name], **fields})
    assert isinstance(found, Network)
    return found


def stirred(network: Network, obs: Observation, size: float = 0.05) -> Fitted:
    """Random weights, none of them zero."""
    fitted, generator = network.fresh(obs), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            if not parameter.any():
                parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
    return fitted


def rmse(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((image - truth) ** 2)))


def test_the_estimate_finds_what_each_kind_of_ground_did(one: Case) -> None:
    """Three kinds in three bands: the change is linear in what the fine image shows, and half of it is found."""
    found = fuse_whole(make("stfgan").fresh(one.obs), one.obs)
    known, low = one.obs["fine_1"].data, expand(one.obs, role="coarse_p") - expand(one.obs, role="coarse_1")
    assert rmse(found, one.truth) < 0.55 * rmse(known + low, one.truth) < 0.55 * rmse(known, one.truth)


def test_the_regression_is_that_of_the_formula(one: Case) -> None:
    """One window's W and c, solved anew with loops."""
    obs = change.only(one.obs, change.dates_used(one.obs, 1), None)
    moments, base = change.change_moments(obs, 0.25), Moments.of(obs["fine_1"].data.reshape(3, -1))
    mean, std = scale_of(base)
    seen = change.coarse(obs, 0.25)
    z = (seen.held - mean[:, None, None]) / std[:, None, None]
    weights, constant = change._local(seen, z, moments, mean, 1 / std)
    n = moments.count
    covariance = moments.comoment / n
    zz, zy = covariance[3:, 3:] / np.outer(std, std), covariance[3:, :3] / std[:, None]
    scene = np.linalg.solve(zz + change.RIDGE * np.eye(3), zy)
    row, col = 4, 3
    taps = np.exp(-0.5 * (np.arange(-change.RADIUS, change.RADIUS + 1) / change.SIGMA) ** 2)
    taps /= taps.sum()
    rows, total = [], change.PRIOR
    where = [((moments.mean[3:] - mean) / std, moments.mean[:3], change.PRIOR)]
    for i, j in all_of(range(-change.RADIUS, change.RADIUS + 1), repeat=2):
        y, x = row + i, col + j
        if 0 <= y < seen.change.shape[1] and 0 <= x < seen.change.shape[2]:
            share = taps[i + change.RADIUS] * taps[j + change.RADIUS]
            where.append((z[:, y, x], seen.change[:, y, x], share))
            total += share
    rows = [(a, b, w / total) for a, b, w in where]
    mz, my = (sum(r[k] * r[2] for r in rows) for k in (0, 1))
    gram = sum(w * np.outer(a, a) for a, _, w in rows) - np.outer(mz, mz)
    right = sum(w * np.outer(a, b) for a, b, w in rows) - np.outer(mz, my)
    own = np.linalg.solve(gram + change.RIDGE * np.eye(3), right + change.RIDGE * scene)
    np.testing.assert_allclose(weights[:, :, row, col], own, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(constant[:, row, col], my - mz @ own, rtol=1e-4, atol=1e-6)


def test_a_steady_change_is_interpolated(three: Case) -> None:
    """``F_2 = F_1 + s (F_3 - F_1)``: the shares of the two dates are 1 - s and s."""
    first, _, last = series()
    middle = replace(first, data=first.data + np.float32(0.3) * (last.data - first.data), date=DAYS[1])
    steady = case([first, middle, last], 1)
    shares = change.coarse(change.only(steady.obs, change.dates_used(steady.obs, 2), None), 0.25).share
    np.testing.assert_allclose(shares[0], 0.7, atol=1e-3)
    found = fuse_whole(make("stfgan").fresh(steady.obs), steady.obs)
    assert rmse(found, steady.truth) < 1e-3


@pytest.mark.parametrize("lasting", [0.0, 0.4, 1.0])
def test_what_the_sensors_see_differently_lasts_or_not(lasting: float, one: Case) -> None:
    """A coarse sensor that is brighter by 0.05 at all dates: the product keeps what does not last."""
    views = {r: replace(v, data=v.data + np.float32(0.05)) if "coarse" in r else v for r, v in one.obs.views.items()}
    network = make("stfgan", lasting=lasting)
    found = fuse_whole(network.fresh(one.obs), replace(one.obs, views=views))
    plain = fuse_whole(network.fresh(one.obs), one.obs)
    np.testing.assert_allclose(found - plain, 0.05 * (1 - lasting), atol=2e-3)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("ratio", [4, 8, 16, 12.5])
def test_tiled_equals_whole_and_the_halo_is_true(name: str, ratio: float) -> None:
    shape = (331, 347)
    fine = series(shape)
    if ratio == 12.5:  # a grid that does not nest
        seen = case(fine, 1, 16).obs
        views = {
            role: replace(view, ratio=(12.5, 12.5), offset=(4.2, 6.9)) if role.startswith("coarse") else view
            for role, view in seen.views.items()
        }
        obs = Observation(views, (20 * 12, 21 * 12))
        views = {r: v if r.startswith("coarse") else v.crop(Window(0, 0, *obs.shape)) for r, v in views.items()}
        obs = replace(obs, views=views)
    else:
        obs = case(fine, 1, int(ratio)).obs
    method = stirred(make(name), obs)
    whole = fuse_whole(method, obs)
    assert np.isfinite(whole).all() and rmse(whole, fuse_whole(make(name).fresh(obs), obs)) > 1e-4
    tiled = fuse_array(method, ArrayScene(obs), 190, threads=1)
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5)
    stats = method.summarise(obs, None)
    core = Window(150, 130, 16, 24)
    tile = obs.crop(core, halo_px(method, obs))
    inner = method.fuse(tile, stats)[(slice(None), *tile.core_window.slices)]
    np.testing.assert_allclose(inner, whole[(slice(None), *core.slices)], atol=2e-5)


@pytest.mark.parametrize("name", OWN)
def test_coarse_images_on_the_fine_grid(name: str) -> None:
    """Brought there by someone else: cells of ``ratio`` pixels count from the corner of the scene."""
    obs = case(series((200, 210)), 1, 8).obs
    views = {
        role: View(expand(obs, role=role), np.ones(obs.shape, bool), view.bands, date=view.date)
        if role.startswith("coarse") else view
        for role, view in obs.views.items()
    }  # fmt: skip
    flat = replace(obs, views=views)
    method = stirred(make(name, ratio=8.0), flat)
    whole = fuse_whole(method, flat)
    np.testing.assert_allclose(fuse_array(method, ArrayScene(flat), 96).data, whole, atol=2e-5)
    plain = fuse_whole(stirred(make(name), obs), obs)
    assert rmse(whole, plain) < 0.3 * rmse(plain, obs["fine_1"].data)


def test_reach_is_what_one_pixel_moves() -> None:
    """The generator alone: a change at one place moves nothing further away than is declared."""
    for factor, blocks, kernel in ((4, 2, 5), (2, 1, 3)):
        torch.manual_seed(0)
        shape = {"width": 4, "coarse_blocks": blocks, "fine_blocks": blocks, "kernel": kernel, "batch_norm": False}
        net = StfganNet(1, 1, 2, (2, factor), False, True, "output", **shape).second.eval()
        torch.nn.init.normal_(net.out.weight)
        side = 32 * factor
        coarse, fine = torch.randn(1, 2, 32, 32), torch.randn(1, 2, side, side)
        other = coarse.clone()
        other[:, :, 16, 16] += 5
        with torch.inference_mode():
            moved = (net(coarse, fine) - net(other, fine)).abs().amax(dim=(0, 1)) > 1e-7
        at = np.argwhere(moved.numpy())
        far = max(abs(at[:, 0] - 16.5 * factor).max(), abs(at[:, 1] - 16.5 * factor).max())
        assert far <= reach.fusion_gan(factor, blocks, blocks, kernel)
        assert far > 0.5 * reach.fusion_gan(factor, blocks, blocks, kernel)


@pytest.mark.parametrize("fields", [{}, {"stages": "whu"}, {"base": "none"}, {"batch_norm": True, "critic": "wgan"}])
def test_one_or_two_known_dates(fields: dict[str, object], one: Case, three: Case) -> None:
    network = make("stfgan", **fields)
    assert network.sizes(one.obs).guide == 3 and network.sizes(three.obs).guide == 6
    assert make("stfgan", known=1, **fields).sizes(three.obs) == network.sizes(one.obs)
    for seen in (one, three):
        fresh = fuse_whole(network.fresh(seen.obs), seen.obs)
        if fields.get("base") == "none":
            assert np.ptp(fresh, axis=(1, 2)).max() < 1e-4  # the scene's mean: nothing has been learnt
        else:
            base = change.change_regressed(
                network.alone(seen.obs), network.summarise(seen.obs, None)["change"],
                *scale_of(network.summarise(seen.obs, None)["base"]), network.lasting,
            )  # fmt: skip
            np.testing.assert_allclose(fresh, base, atol=1e-5)
        assert np.isfinite(fuse_whole(stirred(network, seen.obs), seen.obs)).all()


def test_what_is_refused(one: Case, three: Case) -> None:
    with pytest.raises(MethodError, match=r"known=2 got 1 known date.*known=1"):
        make("stfgan", known=2).sizes(one.obs)
    trained = stirred(make("stfgan"), three.obs)
    with pytest.raises(MethodError, match="6 guide bands"):
        trained.check(one.obs, one.obs.shape)
    with pytest.raises(MethodError, match="`adapt=True`"):
        make("stfgan").check(one.obs, one.obs.shape)
    views = {r: replace(v, data=expand(one.obs, role=r), valid=np.ones(one.obs.shape, bool), ratio=(1.0, 1.0),
                        offset=(0.0, 0.0)) if "coarse" in r else v for r, v in one.obs.views.items()}  # fmt: skip
    with pytest.raises(MethodError, match="give ratio=16"):
        make("stfgan").sizes(replace(one.obs, views=views))
    with pytest.raises(MethodError, match="odd number"):
        make("stfgan", kernel=4)
    with pytest.raises(MethodError, match="leave out batch_norm"):
        make("stfgan", critic="wgan_gp", batch_norm=True)
    with pytest.raises(MethodError, match="'hinge' or 'wgan_gp'"):
        make("stfgan", critic="gan")
    with pytest.raises(MethodError, match="bands_seen=together"):
        make(EACH, base="none")


def test_missing_pixels(three: Case) -> None:
    """A cloud over one known date: the other one answers there, and clear ground far off is as it was."""
    views, hole = dict(three.obs.views), Window(40, 48, 30, 40)
    valid = views["fine_1"].valid.copy()
    valid[hole.slices] = False
    views["fine_1"] = replace(views["fine_1"], valid=valid, data=np.where(valid, views["fine_1"].data, 0))
    obs = replace(three.obs, views=views)
    found = fuse_array(make("stfgan").fresh(obs), ArrayScene(obs))
    assert found.valid.all() and np.isfinite(found.data).all()
    clear = fuse_array(make("stfgan").fresh(three.obs), ArrayScene(three.obs))
    inside = (slice(None), *hole.slices)
    assert rmse(found.data[inside], three.truth[inside]) < 0.5 * rmse(0 * three.truth[inside], three.truth[inside])
    assert rmse(found.data, clear.data) < 0.5 * rmse(clear.data, three.obs["fine_1"].data)
    both = replace(
        obs, views={**views, "coarse_p": replace(views["coarse_p"], valid=_without_corner(views["coarse_p"]))}
    )
    missing = fuse_array(make("stfgan").fresh(both), ArrayScene(both))
    np.testing.assert_array_equal(missing.valid, Spatiotemporal().valid(both))
    assert not missing.valid.all()


def _without_corner(view: View) -> np.ndarray:
    valid = view.valid.copy()
    valid[:2, :2] = False
    return valid


def test_a_flat_scene_stays_flat(three: Case) -> None:
    levels = np.array([0.1, 0.2, 0.4], np.float32)[:, None, None]
    views = {r: replace(v, data=np.broadcast_to(levels, v.data.shape).copy()) for r, v in three.obs.views.items()}
    obs = replace(three.obs, views=views)
    for name in ("stfgan", "stfdcnn"):
        found = fuse_whole(stirred(make(name), obs), obs)
        np.testing.assert_allclose(found, np.broadcast_to(levels, found.shape), rtol=1e-4)


def test_bands_are_found_by_wavelength(three: Case) -> None:
    method = stirred(make("stfgan"), three.obs)
    found = fuse_whole(method, three.obs)
    turned = [2, 0, 1]
    views = {
        r: replace(v, data=v.data[turned], bands=tuple(v.bands[i] for i in turned)) for r, v in three.obs.views.items()
    }
    obs = replace(three.obs, views=views)
    network = method.inner
    trained = Trained(method.trained.module, method.trained.header, (1, 2, 0))
    again = fuse_whole(Fitted(network, trained), obs)
    np.testing.assert_allclose(again, found[turned], atol=1e-5)


def gradients(feed: str, stage: int) -> tuple[float, float]:
    """Largest gradient in both generators of one stage's squared error."""
    torch.manual_seed(2)
    shape = {"width": 4, "coarse_blocks": 1, "fine_blocks": 1, "kernel": 3, "batch_norm": False}
    net = StfganNet(2, 2, 4, (2, 2), True, True, feed, **shape)  # type: ignore[arg-type]
    for part in (net.first, net.second):
        torch.nn.init.normal_(part.out.weight, std=0.1)
    low, fine, base, truth = (torch.randn(1, n, 16, 16) for n in (4, 2, 2, 2))
    images = net(fine, low, base, truth, True)
    images[stage].square().mean().backward()
    return tuple(  # type: ignore[return-value]
        max(float(p.grad.abs().max()) if p.grad is not None else 0.0 for p in part.parameters())
        for part in (net.first, net.second)
    )


@pytest.mark.parametrize(("feed", "linked"), [("output", False), ("truth", False), ("joint", True)])
def test_what_teaches_the_first_generator(feed: str, linked: bool) -> None:
    first, second = gradients(feed, 1)
    assert second > 0 and (first > 0) == linked
    first, second = gradients(feed, 0)
    assert first > 0 and second == 0


def test_gradient_of_the_whole_network() -> None:
    torch.manual_seed(2)
    shape = {"width": 2, "coarse_blocks": 1, "fine_blocks": 1, "kernel": 3, "batch_norm": False}
    net = StfganNet(1, 1, 2, (2, 2), True, True, "joint", **shape).double()
    for part in (net.first, net.second):
        torch.nn.init.normal_(part.out.weight, std=0.3)
    fine, low, base = (torch.randn(1, n, 8, 8, dtype=torch.float64, requires_grad=True) for n in (1, 2, 1))

    def both(*inputs: torch.Tensor) -> torch.Tensor:
        first, second = net(*inputs, None, True)
        return first.sum() + second.square().sum()

    assert torch.autograd.gradcheck(both, (fine, low, base), eps=1e-3, atol=5e-2, rtol=5e-2)  # outputs are float32


def test_high_pass_modulation_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    p, k1, k2, f1, f2 = (torch.from_numpy(rng.uniform(1, 3, (1, 1, 5, 5)).astype(np.float32)) for _ in range(5))
    zero = torch.zeros(1, 1, 5, 5)
    found = modulated([k1, k2, p], [f1, f2], zero)
    apart = [float((p - k).abs().mean()) for k in (k1, k2)]  # the window of 5 holds the whole image at its middle
    weights = np.array([1 / (d + LEVEL) for d in apart])
    expected = sum(
        w / weights.sum() * float(f[0, 0, 2, 2] * p[0, 0, 2, 2] / k[0, 0, 2, 2])
        for w, f, k in zip(weights, (f1, f2), (k1, k2), strict=True)
    )
    assert float(found[0, 0, 2, 2]) == pytest.approx(expected, rel=1e-2)
    same = modulated([k1, k1], [f1], zero)  # no change: the known image
    torch.testing.assert_close(same, f1)


def test_ratios_are_of_physical_values(one: Case) -> None:
    """Twice as bright at the prediction date: twice the fine image, whatever the scene's means and deviations."""
    views = dict(one.obs.views)
    views["coarse_p"] = replace(views["coarse_1"], data=2 * views["coarse_1"].data)
    obs = replace(one.obs, views=views)
    found = fuse_whole(make("stfdcnn").fresh(obs), obs)
    np.testing.assert_allclose(found, 2 * obs["fine_1"].data, rtol=0.06)


@pytest.fixture(scope="module")
def squares() -> list[Case]:
    """Ground that changes by the square of what the fine image shows: no linear estimate finds all of it."""
    rng, cases = np.random.default_rng(4), []
    for seed in range(3):
        first = series((128, 128), dates=2, seed=seed)[0]
        level = first.data[:1] - 0.2
        data = first.data + 6 * level**2 + 0.1 * rng.normal()
        cases.append(case([first, replace(first, data=data.astype(np.float32), date=DAYS[1])], 1))
    return cases


LEARNING = Config.of({"steps": 60, "batch": 4, "patch": 48, "lr": 5e-3, "tensorboard": False, "threads": 1})


def test_stfgan_learns_what_the_estimate_misses(squares: list[Case]) -> None:
    network = make("stfgan", width=12)
    task, header, module = prepare_training(network, squares[:2], squares[2:], LEARNING)
    assert isinstance(task, Lessons) and "level" in task.patches.batch(0, 1)
    result = fit(module, task, LEARNING, header=header)
    assert result.figures["rmse"] < 0.9 * task.validate(network.fresh(squares[0].obs).trained.module)["rmse"]


def test_one_network_learns_from_any_number_of_bands(squares: list[Case]) -> None:
    """Critics see one band at a time too."""
    network = make(EACH, width=12)
    task, header, module = prepare_training(network, squares[:2], squares[2:], LEARNING)
    assert task.bands == 0 and Sizes(**header.sizes) == Sizes(0, 0, 0, 0)  # type: ignore[attr-defined]
    result = fit(module, task, replace(LEARNING, steps=120), header=header)
    assert result.figures["rmse"] < 0.97 * task.validate(network.fresh(squares[0].obs).trained.module)["rmse"]


def test_both_steps_of_stfdcnn_learn(squares: list[Case]) -> None:
    network = make("stfdcnn", width=8)
    task, header, module = prepare_training(
        network, squares[:2], (), LEARNING
    )  # nothing held: the last weights are kept
    assert isinstance(task, Lessons) and "level" not in task.patches.batch(0, 1)
    batch = {name: torch.from_numpy(image) for name, image in task.patches.batch(999, 16).items()}

    def errors() -> list[float]:
        with torch.inference_mode():
            return [float((image - truth).abs().mean()) for image, truth, _ in task.images(module, batch)]

    before = errors()
    fit(module, task, LEARNING, header=header)
    after = errors()
    assert after[0] < before[0] and after[1] < 0.9 * before[1]


def test_one_by_one_a_band_is_what_it_is_alone(three: Case) -> None:
    """The same weights for every band: in another order, the same product; a band's own inputs are all that it sees."""
    method = stirred(make(EACH), three.obs)
    assert isinstance(method.inner, Network) and method.inner.sizes(three.obs) == Sizes(0, 0, 0, 0)
    whole = fuse_whole(method, three.obs)
    turned = {role: replace(v, data=v.data[[2, 0, 1]], bands=tuple(v.bands[i] for i in (2, 0, 1)))
              for role, v in three.obs.views.items()}  # fmt: skip
    again = fuse_whole(method, replace(three.obs, views=turned))
    np.testing.assert_allclose(again, whole[[2, 0, 1]], atol=1e-5)
    stats = method.summarise(three.obs, None)
    seen = prepared(method.inner, three.obs, stats)
    assert {name: len(image) for name, image in seen.items()} == {"fine": 9, "seen": 6, "base": 3}
    module = method.trained.module
    with torch.inference_mode():
        together = module(**{name: torch.from_numpy(image)[None] for name, image in seen.items()})[0].numpy()
    mean, std = scale_of(stats["base"])
    np.testing.assert_allclose(together * std[:, None, None] + mean[:, None, None], whole, atol=1e-5)


def test_one_by_one_known_dates_are_one_image(one: Case, three: Case) -> None:
    """Weights of two known dates serve one; two equal dates are as one, and nothing lies between them."""
    method = stirred(make(EACH), three.obs)
    assert np.isfinite(fuse_whole(method, one.obs)).all()
    views = {**one.obs.views, "fine_2": one.obs["fine_1"], "coarse_2": one.obs["coarse_1"]}
    fine, apart, low = change.between(replace(one.obs, views=views))
    np.testing.assert_allclose(fine, one.obs["fine_1"].data, atol=1e-6)
    np.testing.assert_allclose(low, expand(one.obs, role="coarse_1"), atol=1e-6)
    assert apart.max() < 1e-6
    fine, apart, _ = change.between(change.only(three.obs, change.dates_used(three.obs, 2), None))
    a, b = three.obs["fine_1"].data, three.obs["fine_2"].data
    share = np.divide(fine - b, a - b, out=np.full_like(a, 0.5), where=np.abs(a - b) > 1e-3)
    assert ((share > -1e-3) & (share < 1.001)).all()
    np.testing.assert_allclose(apart, np.sqrt(share * (1 - share)).clip(0) * np.abs(a - b), atol=2e-3)


def test_weights_that_do_not_name_how_bands_go_take_them_together(three: Case, tmp_path: Path) -> None:
    fitted = stirred(make("stfgan"), three.obs)
    fields = {key: value for key, value in fitted.trained.header.fields.items() if key != "bands_seen"}
    older = Fitted(fitted.inner, replace(fitted.trained, header=replace(fitted.trained.header, fields=fields)))
    older.save(tmp_path / "older.safetensors")
    again = catalog.make("stfgan", PROBLEM, weights=str(tmp_path / "older.safetensors"))
    np.testing.assert_allclose(fuse_whole(again, three.obs), fuse_whole(fitted, three.obs), atol=1e-6)


def test_adapting_needs_three_known_dates(three: Case) -> None:
    fine = series((128, 144), dates=4)
    found = adapt(make("stfgan", known=2), ArrayScene(case(fine, 1).obs), steps=3, threads=1)
    assert np.isfinite(found.before["ergas"])
    with pytest.raises(MethodError, match="known=2 got 1"):
        adapt(make("stfgan", known=2), ArrayScene(three.obs), steps=1)
    once = adapt(make("stfgan", known=1), ArrayScene(three.obs), steps=2, threads=1)
    assert np.isfinite(once.before["ergas"])


@pytest.mark.parametrize("name", ["stfgan", "stfdcnn"])
def test_of_two_known_dates_one_is_left_out_so_it_sees_one(name: str, three: Case) -> None:
    """With nothing said about its dates it is made for what it can learn from, says so, and runs like that."""
    with pytest.warns(EarthloomWarning, match="sees the nearest alone"):
        found = adapt(make(name), ArrayScene(three.obs), steps=2, threads=1)
    assert found.network.parameters["known"] == 1 and np.isfinite(found.before["ergas"])
    product = fuse_array(found.network, ArrayScene(three.obs))
    assert product.valid.all() and np.isfinite(product.data).all()


def test_weights_of_two_dates_learn_nothing_from_two(three: Case, tmp_path: Path) -> None:
    both = make("stfgan").fresh(three.obs).save(tmp_path / "both.safetensors")
    with pytest.raises(MethodError, match=r"6 guide bands.* and .*3 guide bands.*one known date is left out"):
        adapt(make("stfgan", weights=str(both)), ArrayScene(three.obs), steps=1)


def test_inputs_are_normalised_by_the_fine_images(three: Case) -> None:
    network = make("stfgan")
    stats: Stats = network.summarise(three.obs, None)
    found = prepared(network, three.obs, stats)
    assert {name: image.shape[0] for name, image in found.items()} == {"fine": 6, "seen": 9, "base": 3}
    mean, std = scale_of(stats["base"])
    np.testing.assert_allclose(
        found["fine"][:3] * std[:, None, None] + mean[:, None, None], three.obs["fine_1"].data, atol=1e-5
    )
    pooled = np.concatenate([three.obs[f"fine_{k}"].data.reshape(3, -1) for k in (1, 2)], axis=1)
    np.testing.assert_allclose(mean, pooled.mean(axis=1), rtol=1e-5)
    low = reduce(three.obs, three.obs["fine_1"].data, 0.3, "coarse_1")
    np.testing.assert_allclose(low, three.obs["coarse_1"].data, atol=1e-6)

"""The contract of sharpening by several bands, over every method in its catalogue; networks with random weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_tile, fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.each_coarse import EachCoarse
from earthloom.methods.wrappers.refined import Refined, residual_percent
from earthloom.ops.moments import Stats
from earthloom.physics.forward import expand, reduce
from earthloom.physics.resample import imresize
from earthloom.problems.sharpening import Sharpening
from earthloom.types import Band, Observation, View, Window

from .conftest import method_for

PROBLEM = "sharpening"
NAMES = catalog.names(PROBLEM)
LOCAL = [name for name in NAMES if catalog.find(name, PROBLEM).card.local]
SHARP = [name for name in NAMES if name != "exp"]
GAIN = 0.3


def make_scene(
    ratio: float = 2, offset: float | None = None, coarse: tuple[int, int] = (60, 46), guides: int = 4, bands: int = 3,
    seed: int = 3,
) -> Observation:  # fmt: skip
    """Guides and coarse bands mixed of a few textures; two bands follow the guides, the last one half of it."""
    rng = np.random.default_rng(seed)
    shape = (int(coarse[0] * ratio) - 3, int(coarse[1] * ratio) - 5)
    texture = imresize(rng.normal(size=(guides + 1, shape[0] // 3 + 2, shape[1] // 3 + 2)), 3)
    texture = texture[:, : shape[0], : shape[1]] + 0.1 * rng.normal(size=(guides + 1, *shape))
    fine = 900 + 100 * texture[:guides]
    mix = rng.uniform(0.1, 0.9, (bands, guides))
    wanted = 700 + np.tensordot(mix, fine - 900, 1)
    wanted[-1] += 60 * texture[guides]
    offset = (ratio - 1) / 2 if offset is None else offset
    empty = View(
        np.zeros((bands, *coarse), np.float32), np.ones(coarse, bool),
        tuple(Band(f"c{i}", mtf_nyquist=GAIN + 0.04 * (i % 2)) for i in range(bands)), (float(ratio),) * 2,
        (offset,) * 2,
    )  # fmt: skip
    views = {"fine": View(fine.astype(np.float32), np.ones(shape, bool), tuple(Band(f"f{i}") for i in range(guides)))}
    obs = Observation({**views, "coarse": empty}, shape)
    low = reduce(obs, wanted, [band.mtf_nyquist for band in empty.bands], "coarse")
    return replace(obs, views={**views, "coarse": replace(empty, data=low.astype(np.float32))})


def ready(name: str, obs: Observation) -> Method:
    return method_for(name, obs, PROBLEM)


def spread(obs: Observation) -> float:
    return float(np.ptp(obs["coarse"].data))


@pytest.mark.parametrize("tile", [96, 128])
@pytest.mark.parametrize("name", LOCAL)
def test_tiled_equals_whole(name: str, tile: int) -> None:
    obs = make_scene(coarse=(120, 70))
    method = ready(name, obs)
    whole = fuse_whole(method, obs)
    tiled = fuse_array(method, ArrayScene(obs), tile)
    assert tiled.valid.all()
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("ratio,offset", [(3, 1.0), (2.5, 0.75), (6, 2.5), (4.0002, 1.5), (2, 0.0)])
@pytest.mark.parametrize("name", LOCAL)
def test_any_ratio_and_offset_tile_alike(name: str, ratio: float, offset: float) -> None:
    obs = make_scene(ratio=ratio, offset=offset, coarse=(48, 40))
    method = ready(name, obs)
    whole = fuse_whole(method, obs)
    tiled = fuse_array(method, ArrayScene(obs), 97, threads=2)
    np.testing.assert_allclose(tiled.data, whole, atol=2e-5 * spread(obs), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_shape_dtype_finite_and_input_untouched(name: str) -> None:
    obs = make_scene()
    before = {role: view.data.copy() for role, view in obs.views.items()}
    fused = fuse_whole(ready(name, obs), obs)
    assert fused.shape == (3, *obs.shape) and fused.dtype == np.float32 and np.isfinite(fused).all()
    for role, data in before.items():
        np.testing.assert_array_equal(obs[role].data, data)


@pytest.mark.parametrize("guides", [1, 2, 9])
@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_guides_and_one_band(name: str, guides: int) -> None:
    obs = make_scene(guides=guides, bands=1)
    assert np.isfinite(fuse_whole(ready(name, obs), obs)).all()


@pytest.mark.parametrize("name", NAMES)
def test_holes_of_a_guide_and_of_a_coarse_band_stay_where_they_are(name: str) -> None:
    """A NaN in a guide takes the detail away there; far from it, the product is that without the hole."""
    obs = make_scene(coarse=(100, 70))
    method = EachCoarse.of({"coarse": ready(name, obs)})
    fine, coarse = obs["fine"], obs["coarse"]
    holes, lost = fine.valid.copy(), coarse.valid.copy()
    holes[90:102, 60:72] = False
    lost[4:7, 5:8] = False
    data, low = np.where(holes, fine.data, np.nan), np.where(lost, coarse.data, np.nan)
    spoilt = replace(
        obs, views={"fine": replace(fine, data=data, valid=holes), "coarse": replace(coarse, data=low, valid=lost)}
    )
    found = fuse_array(method, ArrayScene(spoilt), 400)
    assert not found.valid[9:13, 11:15].any() and found.valid[90:102, 60:72].all()
    assert np.isfinite(found.data[:, found.valid]).all()
    exp = expand(obs, role="coarse")[:, 92:100, 62:70]
    np.testing.assert_allclose(found.data[:, 92:100, 62:70], exp, atol=1e-3)
    stats: Stats | None = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    clean = fuse_tile(method, ArrayScene(obs), Window(0, 0, *obs.shape), halo_px(method, obs), stats or Stats())
    far = found.data[:, 150:, :]
    assert np.sqrt(((far - clean.data[:, 150:, :]) ** 2).mean()) < 0.05 * spread(obs)


@pytest.mark.parametrize("name", SHARP)
def test_detail_that_the_guides_hold_is_found(name: str) -> None:
    """Bands that are lines over the guides come back better than by interpolation; none is worse."""
    if catalog.find(name, PROBLEM).card.family == "network":
        pytest.skip("random weights promise nothing")
    obs = make_scene(coarse=(80, 70))
    case = Sharpening().degrade(obs)
    method = ready(name, case.obs)
    error, none = fuse_whole(method, case.obs) - case.truth, expand(case.obs, role="coarse") - case.truth
    cut = (slice(None), slice(6, -6), slice(6, -6))
    assert (np.sqrt((error[cut] ** 2).mean((1, 2))) < 1.001 * np.sqrt((none[cut] ** 2).mean((1, 2)))).all()
    assert np.sqrt((error[cut][:2] ** 2).mean()) < 0.8 * np.sqrt((none[cut][:2] ** 2).mean())


@pytest.mark.parametrize("name", NAMES)
def test_refined_agrees_better_with_what_was_seen(name: str) -> None:
    obs = make_scene()
    method = Refined(ready(name, obs), 3)
    stats: Stats | None = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    _, measured = method.fuse_measured(obs, stats or Stats())
    told = residual_percent(measured)
    assert told is not None and told["after_percent"] <= told["before_percent"] + 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_too_small_a_scene_is_refused(name: str) -> None:
    obs = make_scene(coarse=(8, 8))
    method = ready(name, obs)
    least = method.card.minimum
    method.check(obs, (least * 2, least * 2))
    if least > 1:
        with pytest.raises(MethodError, match="along a side"):
            method.check(obs, (2 * least - 2, 100))


def test_each_coarse_image_is_sharpened_as_if_alone() -> None:
    one, other = make_scene(bands=2), make_scene(bands=3, seed=5)
    both = replace(
        one, views={"fine": one["fine"], "coarse_1": one["coarse"], "coarse_2": other["coarse"], "kept": one["fine"]}
    )
    method = EachCoarse.of({role: catalog.make("gwr", PROBLEM) for role in ("coarse_1", "coarse_2")})
    found = fuse_whole(method, both)
    assert len(found) == 4 + 2 + 3 == len(Sharpening().bands(both))
    np.testing.assert_array_equal(found[:4], one["fine"].data)
    np.testing.assert_array_equal(found[4:6], fuse_whole(catalog.make("gwr", PROBLEM), one))
    turned = replace(method, order=tuple(reversed(range(9))))
    np.testing.assert_array_equal(fuse_whole(turned, both), found[::-1])

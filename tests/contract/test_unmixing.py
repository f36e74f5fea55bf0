"""What FSDAF and Fit-FC promise beyond the contract: coarse pixels as cells, class maps, blocks, a second date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from earthloom.engine.job import fuse_array
from earthloom.engine.passes import fuse_whole
from earthloom.engine.scene import ArrayScene
from earthloom.errors import MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.physics.clouds import fractal
from earthloom.types import Band, Observation, View, Window

NAMES = ("fsdaf", "fit_fc")
BANDS = (Band("green", 560.0), Band("red", 660.0), Band("nir", 840.0))


def make(name: str, **fields: object) -> Method:
    return catalog.make(name, "spatiotemporal", window_px=11, **fields)


def block_means(image: np.ndarray, ratio: int) -> np.ndarray:
    bands, height, width = image.shape
    return image.reshape(bands, height // ratio, ratio, width // ratio, ratio).mean((2, 4))


def scene(ratio: float = 8, cells: tuple[int, int] = (22, 19), dates: int = 1, own: bool = True) -> Observation:
    """Fields of three kinds with texture; each kind changes in its own way, and a patch becomes something else."""
    rng = np.random.default_rng(11)
    shape = (int(cells[0] * ratio), int(cells[1] * ratio))
    kind = np.clip(np.round(fractal(shape, rng, 40) + 1), 0, 2).astype(int)
    texture = 20 * fractal(shape, rng, 12) + 4 * rng.normal(size=shape)
    base = np.array([[600, 900, 400], [700, 1100, 350], [2500, 1800, 600]], float)
    step = np.array([[80, -60, 10], [120, -90, 0], [-500, 300, 40]], float)

    def fine(turn: float) -> np.ndarray:
        image = base[:, kind] + turn * step[:, kind] + texture
        image[:, 60:90, 70:110] += turn * np.array([-100.0, -150, 250])[:, None, None]
        return image

    def views(k: str, turn: float) -> dict[str, View]:
        image = fine(turn)
        everywhere = np.ones(shape, bool)
        day = date(2020, 5, 1 + int(10 * turn))
        grid = (1.0, 1.0), (0.0, 0.0)
        if own and ratio == int(ratio):
            low = block_means(image, int(ratio))
            grid = (float(ratio),) * 2, ((ratio - 1) / 2,) * 2
        elif own:
            low = np.stack([[[b[int(y * ratio) : int((y + 1) * ratio), int(x * ratio) : int((x + 1) * ratio)].mean()
                              for x in range(cells[1])] for y in range(cells[0])] for b in image])  # fmt: skip
            grid = (float(ratio),) * 2, ((ratio - 1) / 2,) * 2
        else:
            low = np.repeat(np.repeat(block_means(image, int(ratio)), int(ratio), 1), int(ratio), 2)
        coarse = View(low.astype(np.float32), np.ones(low.shape[1:], bool), BANDS, *grid, day)
        return {f"fine_{k}": View(image.astype(np.float32), everywhere, BANDS, date=day), f"coarse_{k}": coarse}

    found = views("1", 0.0)
    if dates == 2:
        found |= views("2", 1.6)
    last = views("p", 1.0)
    found["coarse_p"] = last["coarse_p"]
    return Observation(found, shape)


def truth() -> np.ndarray:
    """The fine image at the prediction date: changes are linear in time."""
    first, second = (scene(dates=2)[f"fine_{k}"].data.astype(np.float64) for k in (1, 2))
    return first + (second - first) / 1.6


def close(one: np.ndarray, two: np.ndarray) -> None:
    np.testing.assert_allclose(one, two, atol=2e-3, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_changed(name: str) -> None:
    obs, wanted = scene(), truth()
    found = fuse_whole(make(name), obs)
    rmse = np.sqrt(((found - wanted) ** 2).mean((1, 2)))
    copied = np.sqrt(((obs["fine_1"].data - wanted) ** 2).mean((1, 2)))
    assert (rmse < (0.3 if name == "fsdaf" else 0.7) * copied).all(), (rmse, copied)


@pytest.mark.parametrize("fields", [{}, {"block": 5}, {"spline": "multiquadric"}, {"variant": "zhu"}], ids=str)
def test_fsdaf_tiled_equals_whole(fields: dict[str, object]) -> None:
    obs = scene()
    method = make("fsdaf", **fields)
    close(fuse_array(method, ArrayScene(obs), 56, threads=2).data, fuse_whole(method, obs))


@pytest.mark.parametrize("fields", [{"radius": 3}, {"radius": 6}, {"variant": "matlab"}], ids=str)
def test_fit_fc_tiled_equals_whole(fields: dict[str, object]) -> None:
    obs = scene()
    method = make("fit_fc", **fields)
    close(fuse_array(method, ArrayScene(obs), 56, threads=2).data, fuse_whole(method, obs))


@pytest.mark.parametrize("name", NAMES)
def test_either_grid(name: str) -> None:
    """Coarse images of block means on the fine grid are what they are on their own."""
    there, here = scene(own=False), scene()
    close(fuse_whole(make(name, ratio=8), there), fuse_whole(make(name), here))
    close(fuse_array(make(name, ratio=8), ArrayScene(there), 50).data, fuse_whole(make(name), here))
    with pytest.raises(MethodError, match="ratio"):
        make(name).check(there, there.shape)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ratio", [2.5, 6.7])
def test_ratios_that_are_not_whole(name: str, ratio: float) -> None:
    obs = scene(ratio, (48, 50) if ratio < 4 else (24, 22))
    method = make(name)
    whole = fuse_whole(method, obs)
    close(fuse_array(method, ArrayScene(obs), 61).data, whole)
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("name", NAMES)
def test_masks(name: str) -> None:
    """Invalid pixels have no say: whatever they hold, the product is the same, tiled and whole."""
    obs = scene()
    holes = {"fine_1": Window(30, 40, 12, 17), "coarse_1": Window(12, 3, 2, 1), "coarse_p": Window(4, 13, 1, 3)}
    products = []
    for junk, tile in ((0.0, 999), (9e3, 56), (-5e3, 75)):
        views = dict(obs.views)
        for role, hole in holes.items():
            valid, data = views[role].valid.copy(), views[role].data.copy()
            valid[hole.slices] = False
            data[:, ~valid] = junk
            views[role] = replace(views[role], valid=valid, data=data)
        products.append(fuse_array(make(name), ArrayScene(replace(obs, views=views)), tile))
    expected = np.ones(obs.shape, bool)
    expected[30:42, 40:57] = expected[96:112, 24:32] = expected[32:40, 104:128] = False
    for product in products:
        np.testing.assert_array_equal(product.valid, expected)
        np.testing.assert_allclose(product.data[:, expected], products[0].data[:, expected], atol=2e-2, rtol=1e-5)
    clean = fuse_array(make(name), ArrayScene(obs)).data
    worst = np.abs(products[0].data - clean)[:, expected]
    assert np.quantile(worst, 0.9) < 10, "what is missing in some places hardly matters elsewhere"


@pytest.mark.parametrize("name", NAMES)
def test_a_second_date_fills_the_first(name: str) -> None:
    obs = scene(dates=2)
    hole = Window(40, 50, 30, 40)
    valid = obs["fine_2"].valid.copy()
    valid[hole.slices] = False
    damaged = replace(obs, views={**obs.views, "fine_2": replace(obs["fine_2"], valid=valid)})
    found = fuse_array(make(name), ArrayScene(damaged), 60)
    assert found.valid.all()
    alone = {k: replace(obs, views={**{r: v for r, v in obs.views.items() if r[-1] == "p"},
                                    "fine_1": damaged[f"fine_{k}"], "coarse_1": obs[f"coarse_{k}"]})
             for k in (1, 2)}  # fmt: skip
    only = {k: fuse_array(make(name), ArrayScene(alone[k]), 60).data for k in (1, 2)}
    close(found.data[:, ~valid], only[1][:, ~valid])
    close(found.data[:, valid], only[2][:, valid])


def test_class_map() -> None:
    """A map in a view of its own: labels may be any, unclassified pixels take the class they look like."""
    obs = scene()
    method = make("fsdaf")
    stats = method.summarise(obs, None)
    centres = stats["sample 0"].classes(4)
    away = ((obs["fine_1"].data[:, None] - centres[:, :, None, None]) ** 2).sum(0)
    labels = away.argmin(0)
    view = View((10 + 5 * labels)[None].astype(np.float32), np.ones(obs.shape, bool), (Band("class"),))
    mapped = replace(obs, views={**obs.views, "classes": view})
    method.check(mapped, mapped.shape)
    close(fuse_whole(method, mapped), fuse_whole(method, obs))
    close(fuse_array(method, ArrayScene(mapped), 56).data, fuse_whole(method, mapped))
    some = view.data.copy()
    some[:, 20:50, 30:70] = 0
    unknown = fuse_whole(method, replace(mapped, views={**mapped.views, "classes": replace(view, data=some)}))
    assert np.quantile(np.abs(unknown - fuse_whole(method, mapped)), 0.99) < 5
    empty = replace(view, data=np.zeros_like(view.data))
    with pytest.raises(MethodError, match="class map"):
        fuse_whole(method, replace(mapped, views={**mapped.views, "classes": empty}))


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name: str) -> None:
    obs = scene()
    scaled = replace(obs, views={r: replace(v, data=v.data.astype(np.float64) / 1e4) for r, v in obs.views.items()})
    exact = replace(obs, views={r: replace(v, data=v.data.astype(np.float64)) for r, v in obs.views.items()})
    np.testing.assert_allclose(fuse_whole(make(name), scaled) * 1e4, fuse_whole(make(name), exact), atol=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_support_counts_similar_pixels(name: str) -> None:
    obs = scene()
    method = make(name, similar=12)
    stats = None
    for _ in range(method.rounds):
        stats = method.summarise(obs, stats)
    assert stats is not None
    count = method.support(obs, stats)
    assert count is not None and count.min() >= 1 and count.max() == 12


def test_fit_fc_looks_at_red_and_near_infrared() -> None:
    obs = scene()
    by_number = fuse_whole(make("fit_fc", variant="matlab", red=2, nir=3), obs)
    np.testing.assert_array_equal(fuse_whole(make("fit_fc", variant="matlab"), obs), by_number)
    nameless = tuple(Band(f"b{i}") for i in range(3))
    views = {role: replace(view, bands=nameless) for role, view in obs.views.items()}
    with pytest.raises(MethodError, match="660 nm"):
        make("fit_fc", variant="matlab").check(replace(obs, views=views), obs.shape)
    with pytest.raises(MethodError, match="1 to 3"):
        make("fit_fc", red=2, nir=4).check(obs, obs.shape)
    with pytest.raises(MethodError, match="both or neither"):
        make("fit_fc", red=2)
    with pytest.raises(MethodError, match="odd"):
        catalog.make("fit_fc", "spatiotemporal", window_px=10)

"""Places and units of coarse images against fine ones: found, corrected, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning, InputError
from earthloom.physics.mtf import sigma_px
from earthloom.prepare.spatiotemporal.coregister import Corrected, decide
from earthloom.prepare.spatiotemporal.survey import Displacement, survey
from earthloom.prepare.spatiotemporal.units import factors, regress, require_units
from earthloom.raster.told import Told
from earthloom.types import Band, Observation, View, Window
from tests.e2e.conftest import texture

RATIO = 8
SHAPE = (240, 208)
PAD = 32


def ground(bands: int = 3, seed: int = 0) -> Float[np.ndarray, "band y x"]:
    """A wider piece of ground than the scene, so that coarse pixels can come from beyond its border."""
    shape = (SHAPE[0] + 2 * PAD, SHAPE[1] + 2 * PAD)
    shared = texture(shape, seed)
    return np.stack([1000 + 100 * b + 150 * shared + 60 * texture(shape, seed + 1 + b) for b in range(bands)])


def seen_as(wide: np.ndarray, dy: float, dx: float, own: bool) -> np.ndarray:
    """The coarse image of a sensor that is off by (dy, dx): pixel p shows the ground of ``p + d``."""
    sigma = sigma_px(0.3, RATIO)
    low = np.stack([gaussian_filter(band, sigma, mode="nearest") for band in wide])
    y, x = (np.arange(n) + PAD + d for n, d in zip(SHAPE, (dy, dx), strict=True))
    if own:
        y, x = (first[: n // RATIO * RATIO : RATIO] + (RATIO - 1) / 2 for first, n in ((y, SHAPE[0]), (x, SHAPE[1])))
    yy, xx = np.meshgrid(y, x, indexing="ij")
    return np.stack([map_coordinates(band, [yy, xx], order=3, mode="nearest") for band in low])


def scene_of(fine: np.ndarray, coarse: dict[str, np.ndarray]) -> ArrayScene:
    bands = tuple(Band(f"b{i}") for i in range(len(fine)))
    views = {"fine_1": View(fine, np.ones(fine.shape[1:], bool), bands)}
    for role, data in coarse.items():
        own = data.shape[1:] != fine.shape[1:]
        ratio = fine.shape[1] / data.shape[1]
        place = ((ratio,) * 2, ((ratio - 1) / 2,) * 2) if own else ((1.0, 1.0), (0.0, 0.0))
        views[role] = View(data, np.ones(data.shape[1:], bool), bands, *place)
    return ArrayScene(Observation(views, fine.shape[1:]))


def cut(wide: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(wide[:, PAD:-PAD, PAD:-PAD])


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -5.0), (-7.5, 2.25), (11.0, 12.0)])
def test_displacement_is_found(shift: tuple[float, float], own: bool) -> None:
    """To a tenth of a coarse pixel, on its own grid and on the fine one, whatever gain and offset the bands have."""
    wide = ground()
    coarse = 0.7 * seen_as(wide, *shift, own) + 40 + np.random.default_rng(1).normal(scale=3, size=(3, 1, 1))
    found = survey(scene_of(cut(wide), {"coarse_1": coarse}), "fine_1", "coarse_1").displacement
    assert found.known and found.after > 0.9
    np.testing.assert_allclose((found.y, found.x), shift, atol=0.1 * RATIO)
    assert found.clear == (np.hypot(*shift) > 2.5) and found.sigma_px < 1
    assert found.ratio == RATIO


def test_nothing_in_common_is_told() -> None:
    rng = np.random.default_rng(0)
    for coarse in (rng.normal(size=(3, 30, 26)), np.ones((3, 30, 26)), np.ones((3, *SHAPE))):
        found = survey(scene_of(cut(ground()), {"coarse_1": coarse}), "fine_1", "coarse_1").displacement
        assert not found.known and not found.clear and "could not be measured" in str(found) and found.as_dict() == {}


def test_clouds_do_not_matter() -> None:
    wide = ground()
    scene = scene_of(cut(wide), {"coarse_1": seen_as(wide, 4, -4, True)})
    fine = scene.whole["fine_1"]
    cloud = np.zeros(SHAPE, bool)
    cloud[40:110, 50:140] = True
    cloudy = View(np.where(cloud, 9000.0, fine.data), ~cloud, fine.bands)
    masked = ArrayScene(Observation({**scene.whole.views, "fine_1": cloudy}, SHAPE))
    found = survey(masked, "fine_1", "coarse_1").displacement
    np.testing.assert_allclose((found.y, found.x), (4, -4), atol=0.8)


def test_a_demonstration_used_for_years_is_a_modis_pixel_off(shared: Path) -> None:
    """ESTARFM's demo data: about 16 fine pixels in x, on all three dates; found and corrected by default."""
    data = np.load(shared / "golden/spatiotemporal/estarfm_zhu.npz")
    found = {}
    for role, fine, coarse in (("coarse_1", "t1", "t1"), ("coarse_2", "t3", "t3"), ("coarse_p", "t3", "t2")):
        scene = scene_of(data[f"fine_{fine}"].astype(float), {"coarse_1": data[f"coarse_{coarse}"].astype(float)})
        found[role] = survey(scene, "fine_1", "coarse_1").displacement
        assert found[role].known and found[role].ratio == 16
    moves = decide(found, "auto", dict.fromkeys(found, ""))
    assert moves.common is not None
    assert moves.common[0][0] == pytest.approx(4, abs=3) and moves.common[0][1] == pytest.approx(17, abs=3)
    assert set(moves.moves) == set(found) and len(set(moves.moves.values())) == 1
    with pytest.warns(EarthloomWarning, match="were not moved"):
        assert decide(found, "measure", dict.fromkeys(found, "")).moves == {}


def displaced(y: float, x: float, sigma: float = 0.3, gain: float = 50.0) -> Displacement:
    return Displacement(y, x, sigma, gain, 0.8, 0.9, 8.0)


def test_images_that_agree_move_as_one() -> None:
    roles = dict.fromkeys(("coarse_1", "coarse_2", "coarse_p"), "")
    found = {"coarse_1": displaced(4, 0), "coarse_2": displaced(4.4, 0.2)}
    moves = decide(found, "auto", roles).moves
    assert len(moves) == 3 and set(moves.values()) == {moves["coarse_1"]}
    assert moves["coarse_1"] == pytest.approx((4.2, 0.1), abs=0.01)
    odd = decide({**found, "coarse_3": displaced(-6, 1)}, "auto", {**roles, "coarse_3": ""}).moves
    assert odd["coarse_3"] == (-6, 1) and odd["coarse_1"] == odd["coarse_p"] == moves["coarse_1"]
    small = {"coarse_1": displaced(1, 0), "coarse_2": displaced(1.1, 0)}
    assert decide(small, "auto", roles).moves == {} and len(decide(small, "always", roles).moves) == 3
    assert decide({"coarse_1": displaced(5, 5, 9.0)}, "always", roles).moves == {}


def test_the_date_to_predict_goes_with_the_known_ones() -> None:
    """It is compared with the fine image of another day, whose change looks like displacement."""
    roles = dict.fromkeys(("coarse_1", "coarse_2", "coarse_p"), "")
    pairs = {"coarse_1": displaced(4, 0), "coarse_2": displaced(4.4, 0.2)}
    for own in (displaced(-6, 1), displaced(3, 1), displaced(0, 0)):
        moves = decide({**pairs, "coarse_p": own}, "auto", roles)
        assert moves.moves == decide(pairs, "auto", roles).moves and moves.as_dict()["measured"]["coarse_p"]
        assert decide({**pairs, "coarse_p": own}, "always", roles).moves["coarse_p"] == moves.moves["coarse_1"]
    in_place = {role: displaced(0.1, 0.2) for role in pairs}
    assert decide({**in_place, "coarse_p": displaced(-6, 1)}, "auto", roles).moves == {}
    blind = {role: displaced(5, 5, 9.0) for role in pairs}
    assert decide({**blind, "coarse_p": displaced(-6, 1)}, "auto", roles).moves["coarse_1"] == (-6, 1)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("apart", [False, True])
def test_moved_images_tile(own: bool, apart: bool) -> None:
    """A tile of the corrected scene is that of the whole one, and content lies where it belongs."""
    wide = ground()
    shifts = {"coarse_1": (5.0, -6.0), "coarse_p": (5.0, -6.0) if not apart else (-3.0, 4.0)}
    scene = scene_of(cut(wide), {role: seen_as(wide, *shift, own) for role, shift in shifts.items()})
    moved = Corrected(scene, shifts)
    whole = moved.observe(Window(0, 0, *SHAPE), 0)
    for core, halo in ((Window(64, 40, 50, 60), 9), (Window(0, 0, 30, 30), 4), (Window(200, 150, 40, 58), 0)):
        tile, piece = moved.observe(core, halo), whole.crop(core, halo)
        assert (tile.core, tile.origin) == (piece.core, piece.origin)
        for role, view in tile.views.items():
            np.testing.assert_allclose(view.data, piece[role].data, atol=1e-9)
            np.testing.assert_array_equal(view.valid, piece[role].valid)
            np.testing.assert_allclose(view.offset, piece[role].offset, atol=1e-9)
    right = scene_of(cut(wide), {"coarse_1": seen_as(wide, 0, 0, own)}).whole["coarse_1"]
    first = whole["coarse_1"]
    if own:
        assert first.ratio == (8.0, 8.0) and whole["coarse_p"].offset == first.offset
        expected = seen_as(wide, 0, 0, False)
        for role, most in (("coarse_1", 1e-6), ("coarse_p", 20 if apart else 1e-6)):  # interpolated, the second
            view = whole[role]
            places = np.meshgrid(view.centres(0), view.centres(1), indexing="ij")
            there = np.stack([map_coordinates(band, places, order=3, mode="nearest") for band in expected])
            np.testing.assert_allclose(view.data[:, 3:-3, 3:-3], there[:, 3:-3, 3:-3], atol=most)
    else:
        for role in shifts:
            view = whole[role]
            np.testing.assert_allclose(view.data[:, view.valid], right.data[:, view.valid], atol=1e-6)
            assert 0 < (~view.valid).mean() < 0.08  # what came from beyond the border is not measured
            wider = replace(moved, coarse_px=8).observe(Window(0, 0, *SHAPE), 0)[role]
            assert wider.all_valid  # but for a coarse pixel, which repeats it
            np.testing.assert_array_equal(wider.data[:, view.valid], view.data[:, view.valid])
    empty = moved.empty()
    apart_px = np.subtract(empty["coarse_1"].offset, first.offset) / first.ratio
    assert empty.shape == (0, 0) and (apart_px % 1 == 0).all() and empty["coarse_1"].ratio == first.ratio


def test_picked_scenes_keep_their_moves() -> None:
    wide = ground(1)
    scene = Corrected(
        scene_of(cut(wide), {"coarse_a": seen_as(wide, 5, 0, True)}), {"coarse_a": (5.0, 0.0)}, (2.0,), (1.0,)
    )
    picked = scene.pick({"fine_1": "fine_1", "coarse_p": "coarse_a"})
    assert picked.moves == {"coarse_p": (5.0, 0.0)}
    one = picked.observe(Window(0, 0, *SHAPE), 0)["coarse_p"]
    np.testing.assert_allclose(one.data[:, 1:], 2 * scene.scene.whole["coarse_a"].data + 1)
    np.testing.assert_array_equal(one.data[:, 0], one.data[:, 1])  # the move uncovers a row, which is repeated


Surveyed = Callable[[np.ndarray, np.ndarray], object]


def surveyed(fine: np.ndarray, coarse: np.ndarray) -> dict[str, object]:
    return {"coarse_1": survey(scene_of(fine, {"coarse_1": coarse}), "fine_1", "coarse_1")}


def test_units_that_differ_are_refused_with_the_factor() -> None:
    wide = ground()
    fine, coarse = cut(wide), seen_as(wide, 0, 0, True)
    called = {"coarse_1": "the coarse image of 2020-03-08"}
    require_units(surveyed(fine, coarse), called, None)
    require_units(surveyed(fine, coarse / 2.5), called, None)
    for divided, scale, words in (
        (1e4, None, "`coarse_scale=10000` "), (1e4, 0.0001, "`coarse_scale=1` "),
        (1e-4, None, "`coarse_scale=0.0001` "), (55.0, None, "`coarse_scale=55` "),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            require_units(surveyed(fine, coarse / divided), called, scale)
    with pytest.raises(InputError, match="no one scale does it"):
        require_units(surveyed(fine, coarse / np.array([20, 8, 6.0])[:, None, None]), called, None)
    with pytest.warns(EarthloomWarning, match="band 3 differs in level"):
        require_units(surveyed(fine, coarse / np.array([1, 1, 8.0])[:, None, None]), called, None)


def test_regression_finds_the_line_among_clouds() -> None:
    wide = ground()
    fine, coarse = cut(wide), seen_as(wide, 0, 0, True)
    gains, constants = np.array([2.0, 0.5, 10.0]), np.array([-300.0, 7000.0, 0.0])
    other = (coarse - constants[:, None, None]) / gains[:, None, None]
    other[:, 4:8, 3:9] += 900 / gains[:, None, None]  # clouds that no mask tells
    found = regress(surveyed(fine, other), {})  # type: ignore[arg-type]
    np.testing.assert_allclose(found.gains, gains, rtol=0.06)
    fitted = np.array(found.gains)[:, None, None] * other + np.array(found.constants)[:, None, None]
    assert np.abs(np.median(fitted - coarse, axis=(1, 2))).max() < 10
    np.testing.assert_allclose(factors(*surveyed(fine, fitted)["coarse_1"].samples()), 1, atol=0.02)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="flat"):
        regress(surveyed(fine, np.ones_like(coarse)), {})  # type: ignore[arg-type]
    with pytest.warns(EarthloomWarning, match="hardly agree"):
        regress(surveyed(fine, np.random.default_rng(0).normal(size=coarse.shape)), {})  # type: ignore[arg-type]


def test_masks_in_bits_and_values() -> None:
    numbers = np.array([0, 1, 2, 8, 24, 21824], float)
    np.testing.assert_array_equal(Told().cloudy(numbers), numbers != 0)
    np.testing.assert_array_equal(Told(mask_values=(2, 8)).cloudy(numbers), [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(Told(mask_bits=(3, 4)).cloudy(numbers), [0, 0, 0, 1, 1, 0])
    for odd in ({"mask_bits": (64,)}, {"mask_bits": (1,), "mask_values": (1,)}, {"scale": 0.0}, {"scale": np.nan}):
        with pytest.raises(InputError):
            Told(**odd)  # type: ignore[arg-type]

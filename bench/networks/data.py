"""What networks are trained and judged on beyond Landsat-7: open 4:1 pairs, Gaofen-2 patches, hyperspectral cubes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.data import SHARED, SHARPENING, TRAINING, Case, bands_first, landsat7_pair, native_pairs, observe
from earthloom.physics.forward import reduce
from earthloom.problems.pansharpening import Pansharpening
from earthloom.types import Band, Observation, View
from earthloom.verbs.simulate import observe_truth

HYPERSPECTRAL = SHARED / "data/hyperspectral"
BGRN = (2, 1, 0, 3)  # of the Landsat-7 files, which begin with red
CENTRES_NM = (485.0, 560.0, 660.0, 830.0)
HS_RATIO = 4


def open_4to1() -> Iterator[Case]:
    """Blue, green, red, NIR at 4:1 from openly licensed images: Landsat-7 and -8 at 30 m, WorldView-2 at 2 m."""
    rng = np.random.default_rng(0)
    for scene in TRAINING:
        pan, ms = landsat7_pair(scene)
        wald = Pansharpening().degrade(observe(pan, ms, None))
        yield coarser(str(scene), wald.obs["pan"].data, wald.truth[list(BGRN)], rng.uniform(0.22, 0.36, 4))
    pan, ms = landsat8_arrays()
    wald = Pansharpening().degrade(observe(pan, ms, "landsat8"))
    yield coarser("landsat8", wald.obs["pan"].data, wald.truth, rng.uniform(0.22, 0.36, 4))
    for number in (1, 2, 3):
        case = rotterdam(number)
        yield Case("open 4:1", f"rotterdam {number}", case.obs, case.truth, 0)


def coarser(name: str, pan: np.ndarray, truth: np.ndarray, gains: np.ndarray) -> Case:
    """A truth and its PAN with an MS four times coarser, seen through the given MTF gains."""
    height, width = (n - n % 4 for n in truth.shape[1:])
    truth, pan = truth[:, :height, :width], pan[:, :height, :width]
    bands = tuple(
        Band(n, c, None, float(g)) for n, c, g in zip(("blue", "green", "red", "nir"), CENTRES_NM, gains, strict=True)
    )
    shape = (height // 4, width // 4)
    ms = View(np.zeros((4, *shape), truth.dtype), np.ones(shape, bool), bands, (4.0, 4.0), (1.5, 1.5))
    fine = View(pan, np.ones((height, width), bool), (Band("pan", mtf_nyquist=0.15),))
    obs = Observation({"pan": fine, "ms": ms}, (height, width))
    ms = replace(ms, data=reduce(obs, truth, [float(g) for g in gains]))
    return Case("open 4:1", name, replace(obs, views={"pan": fine, "ms": ms}), truth, 0)


def landsat8_arrays() -> tuple[np.ndarray, np.ndarray]:
    """PAN and bands 2 to 5 of the Landsat-8 scene, cut so that the grids nest (its PAN lies half a pixel off)."""
    from earthloom.raster.open import open_image
    from earthloom.raster.scenes.sharpening import collocate
    from earthloom.types import Window

    folder = str(SHARPENING / "landsat8_p020r039")
    with open_image([folder], role="pan") as pan, open_image([folder], role="ms") as ms:
        scene = collocate(pan, ms)
        whole = scene.observe(Window(0, 0, *scene.shape), 0)
    from earthloom.ops.banded import apply
    from earthloom.physics.resample import interpolation

    # the PAN interpolated to where it would lie if the grids nested: a quarter MS pixel is no matter of taste here
    view = whole["ms"]
    size = [2 * n for n in view.shape]
    ops = [interpolation(size[a], whole.shape[a], 1.0, 0.5 - view.offset[a]) for a in (0, 1)]
    names = [band.name.lower() for band in view.bands]
    keep = [next(i for i, n in enumerate(names) if n.endswith(b)) for b in ("b2", "b3", "b4", "b5")]
    return apply(ops[0], ops[1], whole["pan"].data)[0], view.data[keep]


def rotterdam(number: int) -> Case:
    """A WorldView-2 chip one scale down; black fill is a hole."""
    import rasterio

    chip = SHARPENING / "worldview2_rotterdam"
    with rasterio.open(chip / f"chip{number}_pan.tif") as pan, rasterio.open(chip / f"chip{number}_ms.tif") as ms:
        fine, coarse = pan.read(1).astype(np.float64), ms.read().astype(np.float64)
    obs = observe(fine, coarse, "worldview2")
    views = {}
    for role, view in obs.views.items():
        valid = (view.data > 0).all(axis=0)
        bands = tuple(
            replace(b, centre_nm=c) for b, c in zip(view.bands, CENTRES_NM, strict=False)
        ) if role == "ms" else view.bands  # fmt: skip
        views[role] = replace(view, valid=valid, bands=bands)
    case = Pansharpening().degrade(replace(obs, views=views))
    return Case("open 4:1", f"rotterdam {number}", case.obs, case.truth, 0)


def reduced_native() -> Iterator[Case]:
    """GeoEye-1 and IKONOS, four bands, one scale down."""
    for name, pan, ms, sensor in native_pairs():
        if len(ms) == 4 and name != "Rotterdam":
            case = Pansharpening().degrade(observe(pan, ms, sensor))
            yield Case("very high resolution", name, case.obs, case.truth, 17)


def gaofen2_train() -> Iterator[Case]:
    """The five patches to train on, as their makers reduced them."""
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(5):
            data = {}
            for kind in ("lr", "pan", "mul"):
                with rasterio.open(SHARPENING / f"gaofen2/train_low_res/{number}_{kind}.tif") as file:
                    data[kind] = file.read().astype(np.float64)
            yield Case("gaofen2", str(number), observe(data["pan"], data["lr"], "gaofen2"), data["mul"], 0)


def cube(truth: np.ndarray, name: str, visible: slice) -> Case:
    """A hyperspectral cube with a PAN that is the mean of some of its bands, MTF 0.3."""
    weights = np.zeros(len(truth))
    weights[visible] = 1
    pan, hs, truth = observe_truth(truth, weights / weights.sum(), HS_RATIO, (0.3,) * len(truth))
    return Case("hyperspectral", name, observe(pan, hs, None), truth, 5)


def airport(number: int) -> Case:
    """An AVIRIS airport scene, 205 bands."""
    from scipy.io import loadmat

    data = loadmat(HYPERSPECTRAL / f"airport/abu-airport-{number}.mat")["data"]
    return cube(bands_first(data).astype(np.float64), f"airport {number}", slice(5, 60))


def santa_barbara(part: slice, name: str) -> Case:
    """Rows of the AVIRIS Santa Barbara scene without the bands that are 0."""
    from scipy.io import loadmat

    data = bands_first(loadmat(HYPERSPECTRAL / "aviris_santa_barbara/a_hsi_img_for_VI_demo.mat")["hsi_img"])
    data = data[(data != 0).any(axis=(1, 2))].astype(np.float64)
    return cube(data[:, part], name, slice(4, 60))


def airport_train() -> Iterator[Case]:
    """One airport."""
    yield airport(2)


def airport_test() -> Iterator[Case]:
    """The other."""
    yield airport(3)


def barbara_train() -> Iterator[Case]:
    """The upper 56 rows of Santa Barbara."""
    yield santa_barbara(slice(0, 56), "Santa Barbara, upper part")


def barbara_test() -> Iterator[Case]:
    """The lower 32 rows."""
    yield santa_barbara(slice(58, 90), "Santa Barbara, lower part")

"""Cubes to learn hyperspectral super-resolution from, and to judge it by: (band, y, x) float32, largest value 1."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from bench.data import SHARED, TRAINING, bands_first, landsat7_pair
from bench.results import RAW
from earthloom.physics.resample import imresize

CAVE = SHARED / "data/hyperspectral/cave"
HELD = ("egyptian_statue", "glass_tiles", "pompoms")
PICTURES = (
    "astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "brick.png", "gravel.png", "grass.png",
    "camera.png", "coins.png", "rocket.jpg", "retina.jpg", "hubble_deep_field.jpg", "ihc.png", "color.png",
)  # fmt: skip
MIXED = 8  # bands of a colour picture spread over a spectrum
PHOTOGRAPHS = {  # photographs in Debian's packages: sharp after reduction, under free licences
    "lomiri-wallpapers-16.04": (
        "Bridge_by_Sander_Klootwijk", "Dragonfly_by_Bolly", "Picture_1A_by_freespace", "Picture_0B_by_freespace",
        "Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi", "picosdeeuropa_by_Aitzol_Berasategi",
        "life_by_Aitzol_Berasategi", "friends_by_Aitzol_Berasategi", "greentock_by_Peter_Nerlich",
    ),
    "lomiri-wallpapers-20.04": ("Kleiber_by_Lukas_Baubkus",),
    "mate-backgrounds": ("Dune", "Garden", "Blinds", "RainDrops", "TwoWings", "Wood"),
    "plasma-workspace-wallpapers": (
        "BytheWater", "ColorfulCups", "EveningGlow", "FallenLeaf", "Grey", "OneStandsOut", "Path",
    ),
}  # fmt: skip
LONG_SIDE = 1200  # pixels that a photograph keeps


def _read(path: Path) -> np.ndarray:
    import warnings

    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as file:
            return np.asarray(file.read())


def cave_held() -> Iterator[tuple[str, np.ndarray]]:
    """The three validation scenes, reflectance 0 .. 1 of full scale."""
    for name in HELD:
        yield name, (_read(CAVE / f"{name}.tif") / 65535).astype(np.float32)


def cave_train() -> Iterator[tuple[str, np.ndarray]]:
    """The nineteen training scenes."""
    for path in sorted(CAVE.glob("*.jp2")):
        yield path.stem, (_read(path) / 1023).astype(np.float32)


def landsat() -> Iterator[tuple[str, np.ndarray]]:
    """Landsat-7 scenes of 30 m bands in the order of their wavelengths, blue to SWIR."""
    for scene in TRAINING:
        _, ms = landsat7_pair(scene)
        yield f"landsat7 {scene}", scaled_to_one(ms[[2, 1, 0, 3, 4, 5]] if len(ms) >= 6 else ms)


def photographs() -> Iterator[tuple[str, np.ndarray]]:
    """Photographs of Debian's wallpaper packages, fetched when first asked for, as cubes like :func:`pictures`."""
    import subprocess

    folder = RAW / "photographs"
    for package, names in PHOTOGRAPHS.items():
        own = folder / package
        if not own.is_dir():
            own.mkdir(parents=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
            subprocess.run(["dpkg", "-x", *map(str, folder.glob(f"{package}_*.deb")), str(own)], check=True)
        found = sorted(p for p in own.rglob("*") if p.suffix in (".jpg", ".png") and p.is_file())
        for name in names:
            ours = [p for p in found if p.stem == name or name in p.parts]
            bands = _read(max(ours, key=lambda p: p.stat().st_size))
            image = np.moveaxis(bands[:3] if len(bands) >= 3 else bands[[0, 0, 0]], 0, -1) / 255.0
            yield name, spread(image, min(LONG_SIDE / max(image.shape), 0.5))


def pictures() -> Iterator[tuple[str, np.ndarray]]:
    """The photographs that come with scikit-image as cubes: linear light, their colours spread over a spectrum."""
    import imageio.v3
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    for name in PICTURES:
        image = imageio.v3.imread(folder / name) / 255.0
        image = np.repeat(image[..., None], 3, -1) if image.ndim == 2 else image[..., :3]
        yield name, spread(image, 0.5 if min(image.shape[:2]) > 300 else 0.75)


def spread(image: np.ndarray, scale: float) -> np.ndarray:
    """A picture ``(y, x, 3)`` of 0 .. 1, smaller, in linear light, its colours spread over :data:`MIXED` bands."""
    linear = np.clip(imresize(bands_first(image**2.2).astype(np.float32), scale), 0, None)
    weight = np.clip(1 - np.abs(np.linspace(0, 2, MIXED)[:, None] - np.arange(3)), 0, None)
    return scaled_to_one(np.tensordot(weight.astype(np.float32), linear, 1))


def scaled_to_one(cube: np.ndarray) -> np.ndarray:
    """Divided by its largest value."""
    return (cube / cube.max()).astype(np.float32)


def at_scales(cube: np.ndarray, scales: tuple[float, ...], least: int) -> Iterator[np.ndarray]:
    """The cube at some scales (MATLAB's bicubic), those of at least ``least`` pixels a side."""
    for scale in scales:
        found = cube if scale == 1 else imresize(cube, scale)
        if min(found.shape[1:]) >= least:
            yield found


def sample(cube: np.ndarray, ratio: int) -> dict[str, np.ndarray]:
    """What a network is trained on: the truth, the cube that MATLAB's bicubic makes of it, and that enlarged."""
    height, width = (n // ratio * ratio for n in cube.shape[1:])
    truth = np.ascontiguousarray(cube[:, :height, :width], np.float32)
    small = imresize(truth, 1 / ratio)
    return {"hs": small, "base": imresize(small, float(ratio)), "truth": truth}


@cache
def known(names: str) -> tuple[np.ndarray, ...]:
    """Training cubes of a kind: ``cave``, ``landsat``, ``pictures`` or ``photographs``."""
    made = {"cave": cave_train, "landsat": landsat, "pictures": pictures, "photographs": photographs}[names]
    return tuple(scaled_to_one(cube) for _, cube in made())


def satellite() -> Iterator[tuple[str, np.ndarray]]:
    """AVIRIS cubes, in their own numbers: Santa Barbara without its empty bands, two airports."""
    from scipy.io import loadmat

    hyper = SHARED / "data/hyperspectral"
    barbara = bands_first(loadmat(hyper / "aviris_santa_barbara/a_hsi_img_for_VI_demo.mat")["hsi_img"])
    yield "Santa Barbara", barbara[barbara.any(axis=(1, 2))].astype(np.float32)
    for number in (2, 3):
        data = loadmat(hyper / f"airport/abu-airport-{number}.mat")["data"]
        yield f"airport {number}", bands_first(data).astype(np.float32)

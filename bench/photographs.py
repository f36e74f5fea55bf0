"""Photographs under free licences from Debian's packages, from which networks learn what sharp images look like.

Each comes small enough to be sharp in every pixel. Packages are fetched when they are first asked for.
"""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "results/photographs"
LONG_SIDE = 1200  # pixels that a photograph keeps
REDUCED, STAMP = 0.5, 0.75  # at most so much of a photograph's pixels, and of a stamp's, which is small and sharp
STAMPS = "tuxpaint-stamps-default"
PHOTOGRAPHS = {
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
    "gnome-backgrounds": ("grid-l", "licorice-l", "licorice-d", "truchet-l", "truchet-d", "pixels-l", "wood-l"),
    "kphotoalbum": (
        "blackie", "cold_water", "donna", "donna_2", "grand_canyon_1", "pool", "snow", "spiff", "spiff_2", "qt-logo",
        "bar55", "wayne",
    ),
    "stellarium-data": (
        "garching-gl1", "garching-gl2", "garching-gl3", "garching-gl4", "garching-ground3", "guereinsb", "hurricane1",
        "hurricane8", "mars", "apollo17",
    ),
    "opencv-doc": (
        "aloeL", "board", "box_in_scene", "building", "cards", "chicky_512", "ela_original", "fruits", "graf1",
        "leuvenA", "leuvenB", "rubberwhale1", "squirrel_cls", "starry_night", "sudoku", "smarties",
    ),
    "openarena-081-textures": (
        "rivets", "wallbotcracksa", "wallbotoa", "mud02b", "stntiles_moss2", "tiles_moss", "wood01", "diamond2c",
        "tilefloor7_ow", "surface2", "concretepipe01", "atech3_a", "bluemetalsupport", "steed2f", "rock01",
        "e7sbrickfloorbig", "blocks17g", "blocks9", "xian_tourneyarch_med1b", "tower_front", "rottblock", "skull2",
        "marble02btrim02", "marble_relief", "tin_floor02", "comp", "ceiling",
    ),
    STAMPS: (
        "crowned_crane", "helmeted_guineafowl", "pelican", "turkey", "lobster", "Woodlouse", "european-bear",
        "gnu-stand", "indian_blackbuck", "cherimoya", "kiwi", "orange_seville", "ginger", "Strawberry2",
        "Cherry_Stella", "Apricot_whole", "drum_tomtom_floor", "Lightbulb", "cylinder", "cementmixer", "paratrooper",
        "bradley", "f22_raptor", "infantry-stryker", "fireman240a", "eggplant", "anemone_red", "daffodil", "lavender",
        "holm_oak", "liberia-palm", "rambutan", "tree336", "Christmas_Tree_photo", "Christmas_pudding",
        "German_Christmas_toy", "Roast_turkey", "inukshuk-photo", "railroad_crossing", "firetruck", "garbagetruck",
        "indycar", "wheel_tractor", "balloon360", "747", "dumper", "green_korean_bus",
    ),
}  # fmt: skip
KINDS = (".jpg", ".jpeg", ".png", ".webp")


def package(name: str) -> list[Path]:
    """The images of a package, unpacked."""
    own = FOLDER / name
    if not own.is_dir():
        own.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-q", name], cwd=FOLDER, check=True)
        subprocess.run(["dpkg", "-x", *map(str, FOLDER.glob(f"{name}_*.deb")), str(own)], check=True)
        for archive in own.rglob("*.pk3"):
            zipfile.ZipFile(archive).extractall(own)
    return sorted(p for p in own.rglob("*") if p.suffix.lower() in KINDS and p.is_file())


def photographs() -> Iterator[tuple[str, np.ndarray, float]]:
    """Name, image ``(y, x, 3)`` of 0 .. 1 and how much smaller it is to be made."""
    for where, names in PHOTOGRAPHS.items():
        files = package(where)
        for name in names:
            own = [path for path in files if path.stem == name or name in path.parts]
            image = read(max(own, key=lambda path: path.stat().st_size))
            yield name, image, min(LONG_SIDE / max(image.shape), STAMP if where == STAMPS else REDUCED)


def read(path: Path) -> np.ndarray:
    """Colours; what is transparent is black, with room on every side."""
    image = Image.open(path)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        under = Image.new("RGBA", (max(image.width, 160) + 32, max(image.height, 160) + 32), "black")
        under.alpha_composite(image, ((under.width - image.width) // 2, (under.height - image.height) // 2))
        image = under
    return np.asarray(image.convert("RGB")) / 255.0

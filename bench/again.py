"""By which command each table of docs/benchmarks is made again; ``python -m bench.report`` puts it under the table.

    python -m bench.again [PROBLEM ...]      runs what `earthloom bench` makes again, and says where digits differ

A :class:`Board` is a table that ``earthloom bench`` makes from the shared data alone. All others name the module that
made them, and :data:`WHY` says why no protocol does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bench import results

TRUTH = {name: name for name in ("ergas", "sam_deg", "q2n", "scc", "psnr")}
BOTH = ("ergas", "q2n")
STEPS = (0, 1, 2, 3, 5, 10, 20)
CUBES = {
    "PSNR dB, whole cube": "psnr", "mean over bands": "mpsnr", "SSIM": "ssim", "SAM deg": "sam_deg", "ERGAS": "ergas",
}  # fmt: skip
SHARPENED = {"RMSE": "rmse", "ERGAS": "ergas", "SAM deg": "sam_deg"}
CLOUDS = {
    "all_psnr": "psnr", "all_ssim": "ssim", "all_sam_deg": "sam_deg", "all_mae": "mae", "psnr": "psnr_under_clouds",
    "sam_deg": "sam_deg_under_clouds",
}  # fmt: skip
EQUAL = (
    "`dualsr, ensemble` is `dualsr:ensemble=true`. The command has no angle of pixels that are not dark, and rows of "
    "equal steps need their weights (`python -m bench.superresolution.run train`)."
)
DAYS = {104: "2015-04-14", 216: "2015-08-04", 248: "2015-09-05", 287: "2015-10-14"}
TRIPLETS: tuple[str, ...] = (
    "2266 (C)", "2729 (D)", "3968 (E)", "4065 (F)", "4287 (F)", "4294 (F)", "4433 (F)", "4438 (F)", "6553 (I)",
    "6780 (I)",
)  # fmt: skip
VHR = ("sharpening/geoeye1_ikonos_worldview2", "sharpening/worldview2_rotterdam")
GROUPS = {  # of images of pansharpening: protocol, and where they lie
    "triplets": ("reduced_triplets", ("sharpening/reduced_triplets",)),
    "landsat7": ("landsat7_fusebox", ("sharpening/landsat7",)),
    "very_high_resolution": ("very_high_resolution", VHR),
    "gaofen2": ("gaofen2_patches", ("sharpening/gaofen2/test_low_res",)),
}

IMAGES = {
    "triplets": ("WV3_test", "Pleiades_test", "data_gf2", "Sim_gf2_guangzhou"),
    "landsat7": ("32", "33", "35", "37", "38", "39"),
    "very_high_resolution": ("GE1", "IK", "WV2", "Rotterdam"),
    "gaofen2": ("0", "1", "2", "3"),
}


@dataclass(frozen=True)
class Board:
    """A table, or some of its columns, that ``earthloom bench`` makes again.

    Parameters
    ----------
    problem, key
        The folder below bench, and the table in its results.
    verb, protocol, data
        Of the command; data below ``shared/data``.
    methods
        Some that are cheap, as they are typed, to the rows of the table; others are made alike.
    figures
        Column to the figure that it holds, or to several.
    scenes
        Column to the scene that it is of; of others it is the mean over all scenes.
    only
        Method to the columns that it is of, where it is not of all.
    note
        What there is to say beside.
    """

    problem: str
    key: str
    verb: str
    protocol: str
    data: tuple[str, ...]
    methods: Mapping[str, str]
    figures: Mapping[str, str | tuple[str, ...]]
    scenes: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    note: str = ""

    @property
    def command(self) -> str:
        """As it is typed beside the data."""
        words = ["earthloom bench", self.verb, "--protocol", self.protocol, "--data", *self.data]
        return " ".join([*words, "--methods", *self.methods])

    def differences(self, methods: Sequence[str] = ()) -> Iterator[str]:
        """Cells that do not read as the table has them; of some methods or all."""
        chosen = tuple(methods or self.methods)
        board, table = made(self.verb, self.protocol, self.data, chosen), results.tables(self.problem)[self.key]
        yield from (f"{row.entrant} on {row.scene}: {row.why}" for row in board.failures)
        columns = {column.name: column for column in table.columns}
        for label in chosen:
            row = self.methods[label]
            for head in self.only.get(label, self.figures):
                names, scene = self.figures[head], self.scenes.get(head)
                found = [_value(board, label, one, scene) for one in ([names] if isinstance(names, str) else names)]
                column = columns[head]
                now = column.write(found[0] if isinstance(names, str) else found)
                then = column.write(table.cell(row, head))
                if now != then:
                    yield f"{row}, {head}: {now}, in the table {then}"


@cache
def made(verb: str, protocol: str, data: tuple[str, ...], methods: tuple[str, ...]) -> Any:
    """The leaderboard of a command."""
    import earthloom  # the pages are made without it
    from bench.data import SHARED

    return earthloom.bench(verb, [SHARED / "data" / one for one in data], methods, protocol=protocol, threads=1)


def _value(board: Any, label: str, figure: str, scene: str | None) -> float:
    """A figure of one scene, or its mean over all."""
    return board.spreads[label][figure].mean if scene is None else board.table(figure)[label][scene]


def pansharpening() -> Iterator[Board]:
    """Formulas: means, images, published formulas, refinements."""
    plain = {"exp": "exp", "brovey": "brovey"}
    steps = {"exp" + f":refine={n}" * (n > 0): f"N = {n}" for n in STEPS}
    for group, (protocol, data) in GROUPS.items():

        def board(key: str, *rest: Any, p: str = protocol, d: tuple[str, ...] = data, **more: Any) -> Board:
            return Board("pansharpening", key, "pansharpen", p, d, *rest, **more)

        yield board(f"accuracy/means/{group}", plain, TRUTH)
        own = {one: scene_of(one) for one in IMAGES[group]}
        yield board(f"accuracy/means/{group}/each", plain, dict.fromkeys(own, BOTH), own)
        figures = ("ergas", "sam_deg", "q2n")
        yield board(
            f"refine/steps/{group}", dict.fromkeys(steps, "exp"), dict.fromkeys(steps.values(), figures),
            only={label: (head,) for label, head in steps.items()},
        )  # fmt: skip
        title = {"triplets": "triplets", "landsat7": "Landsat-7"}.get(group)
        if title:
            kinds = {"brovey:published=true": f"{title}, published", "brovey": f"{title}, default"}
            yield board(
                "accuracy/published", dict.fromkeys(kinds, "brovey"), dict.fromkeys(kinds.values(), BOTH),
                only={label: (head,) for label, head in kinds.items()},
            )  # fmt: skip


def scene_of(image: str) -> str:
    """What the command calls an image of a table."""
    return {"GE1": "imgGE1", "IK": "imgIK", "WV2": "imgWV2", "Rotterdam": "worldview2_rotterdam"}.get(image, image)


def others() -> Iterator[Board]:
    """All but pansharpening."""
    for metres, half in ((40, 20), (120, 60)):
        for blur, typed in (("mtf", ""), ("gaussian", ":blur=means")):
            yield Board(
                "sharpening", f"judged/cases/t33uub_{metres}_to_{half}_m_{blur}", "sharpen",
                f"sentinel2_{metres}to{half}{typed}", ("sharpening/sentinel2_20m",),
                {"exp": "exp", "hypersharpening": "hypersharpening"}, SHARPENED,
                note="Rows `pan: NAME` alone need `python -m bench.sharpening.run`.",
            )  # fmt: skip
    for ratio in (4, 2, 3, 8):
        typed, plain = f":ratio={ratio}" * (ratio != 4), {"bicubic": "bicubic", "back_projection": "back_projection"}
        held = {f"PSNR {name}": f"{name}.tif" for name in ("egyptian_statue", "glass_tiles", "pompoms")}
        yield Board(
            "superresolution", f"{ratio}to1/cave", "superresolve", f"cave_held{typed}", ("hyperspectral/cave",), plain,
            CUBES | dict.fromkeys(held, "psnr"), held, note=EQUAL,
        )  # fmt: skip
    for wanted, known in ((216, (104, 287)), (216, (104, 248)), (248, (216, 287)), (248, (104, 287))):
        scene = f"ndvi_2015 {DAYS[wanted]} of {DAYS[known[0]]}, {DAYS[known[1]]}"
        yield Board(
            "spatiotemporal", f"accuracy/ndvi_day_{wanted}_of_{known[0]}_{known[1]}_real_modis", "predict", "ndvi_2015",
            ("spatiotemporal/ndvi_2015",), {"copy": "copy", "starfm": "starfm"}, {"RMSE band 1": "rmse"},
            {"RMSE band 1": scene},
        )  # fmt: skip
    yield Board(
        "spatiotemporal", "accuracy/flood_block_means", "predict", "gwydir_flood",
        ("spatiotemporal/gwydir_2004_simulated",), {"copy": "copy", "starfm": "starfm", "fsdaf:ratio=16": "fsdaf"}, {},
        note="Its RMSE is that of all bands together.",
    )  # fmt: skip
    seen = {"as_seen": "cloudy input", "inpaint": "inpaint"}
    trained = (
        "Networks of this table: `cloud_unet:weights=FOLDER`, `:ensemble=true`, `:replace_all=true`, and for `tuned` "
        "`weights=FOLDER/{fold}`, after `python -m bench.cloud_removal.train`; peers: `--products`."
    )
    for key, figures, scenes in (
        ("means", CLOUDS, {}), ("images", dict.fromkeys(TRIPLETS, "psnr"), {one: one[:4] for one in TRIPLETS})
    ):  # fmt: skip
        yield Board(
            "cloud_removal", f"triplets/{key}", "decloud", "sen12mscr_triplets", ("sar/sen12mscr_real",), seen, figures,
            scenes, note=trained,
        )  # fmt: skip


def boards(problem: str = "", key: str = "") -> list[Board]:
    """Those of a problem and of a table, or all."""
    return [
        one for one in (*pansharpening(), *others()) if problem in ("", one.problem) and key in ("", one.key)
    ]  # fmt: skip


TRAINED = "networks are trained for it"
GAP = "the command takes the sides of a gap in Santa Barbara's spectrum for two cubes"
CLOCK = "it holds seconds or memory, not figures of products"
WHY = {  # problem: the beginning of a table's key to why no protocol makes it
    "pansharpening": {
        "accuracy/means/full_resolution": "two of many Landsat-7 scenes are read beside images of other sensors",
        "refine/steps/full_resolution": "two of many Landsat-7 scenes are read beside images of other sensors",
        "refine/robustness": "the MS is spoiled on purpose",
        "refine/solvers": "other solvers are no methods",
        "landsat8": "it times the whole command and measures displacements of products",
        "speed": CLOCK, "memory": CLOCK,
        "defaults": "it compares with the best of each image, over all sets at once",
    },
    "sharpening": {
        "whole_tile": CLOCK, "native": "without a truth it judges by the residual of several roles",
        "judged/summary": "it is over all cases at once, pansharpening methods among them",
        "judged/cases/t39rvj": "the command leaves out fine pixels beyond the coarse ones",
        "judged/cases/apex": "the truth is that of a simulation, at 10 m",
        "judged/cases/reykjavik": "the command leaves out coarse pixels that hang over the rim",
        "judged/cases/landsat8": "thermal bands are put together from what was delivered",
        "judged/cases/paris": "the cube is made coarse alone, and the guides are moved onto it",
    },
    "superresolution": {"": GAP},
    "spatiotemporal": {
        "accuracy/estarfm_demo": "its arrays lie in a file of golden values, no image",
        "networks": TRAINED, "speed": CLOCK, "growth": CLOCK, "seams": "products are cut at seams to measure them",
    },
    "bandpass": {
        "alignment/landsat_8_sentinel_2": "`earthloom bench align --protocol landsat8_sentinel2` has the same row of "
        "`none`, but fits to a sample of the pixels, as `align` does (OLS 11.9, 13.3, 10.9, 11.0), and this to all",
        "alignment/gaofen_1": "both ends of the 8 bits are missing, and a file has one code for that",
        "alignment/land_cover": "pixels are chosen by their NDVI, not by place",
        "alignment": "both images are made of spectra, with noise and haze that are drawn",
        "weights": TRAINED, "speed": CLOCK,
    },
    "cloud_removal": {
        "accuracy": "skies are drawn, or moved from another place", "network": TRAINED,
        "triplets": "it judges what the network says of its error, and what it does to clear images",
    },
    "networks": {
        "speed": CLOCK, "released": "weights of others are not in the data",
        "quality": "it judges what networks say of their error",
        "": TRAINED,
    },
    "speed": {"": CLOCK}, "viewer": {"": CLOCK},
}  # fmt: skip


def line(problem: str, key: str, command: str) -> str:
    """What stands under a table: how it is made again.

    Raises
    ------
    ValueError
        If nobody says.
    """
    own = boards(problem, key)
    if own:
        typed = "; ".join(dict.fromkeys(f"`{one.command}`" for one in own))
        return " ".join(
            [f"Again, below `data/`: {typed}; other rows alike.", *dict.fromkeys(one.note for one in own)]
        ).strip()
    reasons = WHY.get(problem, {})
    begun = next((begin for begin in sorted(reasons, key=len, reverse=True) if key.startswith(begin)), None)
    if begun is None:
        raise ValueError(f"bench/again.py does not say how {problem}, {key} is made again")
    return f"Again: `{command}`, for {reasons[begun]}."


def main(names: Sequence[str]) -> int:
    """Run them, and say what differs."""
    wrong = 0
    for board in boards():
        if not names or board.problem in names:
            found = list(board.differences())
            wrong += len(found)
            print(f"{board.problem}, {board.key}: {'; '.join(found) or 'the same'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

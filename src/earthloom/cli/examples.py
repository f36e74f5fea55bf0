"""What one would type: shown behind the help of every command, and tried by a test."""

from __future__ import annotations

from collections.abc import Sequence

NEXT = " \\\n      "  # a long line goes on
LANDSAT = "LC08_L1TP_199030"
EXAMPLES = {  # command, with the one inside it where there is one: what it does, and the line
    "pansharpen": (
        (
            "a file each, the sensor by name",
            "earthloom pansharpen --pan pan.tif --ms ms.tif --sensor wv3 -o s.tif",
        ),
        (
            "a Landsat folder as it is delivered",
            f"earthloom pansharpen --pan {LANDSAT} --ms {LANDSAT} -o s.tif",
        ),
        (
            "a network, and how sure it is of each pixel",
            "earthloom pansharpen --pan pan.tif --ms ms.tif -m hpm_cnn --quality -o s.tif",
        ),
    ),
    "sharpen": (
        ("all bands of Sentinel-2 at 10 m", "earthloom sharpen S2B_MSIL2A.SAFE -o all_bands_10m.tif"),
        (
            "coarse bands of several grids",
            f"earthloom sharpen --fine b10m.tif --coarse b20m.tif b60m.tif{NEXT}--sensor sentinel2a -o sharp.tif",
        ),
    ),
    "predict": (
        (
            "two known dates, and MODIS of the day that is wanted",
            "earthloom predict --pair f1.tif c1.tif 2024-05-24"
            f"{NEXT}--pair f2.tif c2.tif 2024-08-12"
            f"{NEXT}--coarse c.tif 2024-07-11 -m fsdaf -o fine.tif",
        ),
        (
            "the method that finds known dates best, each left out once",
            "earthloom predict --pair f1.tif c1.tif 2024-05-24"
            f"{NEXT}--pair f2.tif c2.tif 2024-08-12"
            f"{NEXT}--coarse c.tif 2024-07-11 -m auto -o fine.tif",
        ),
    ),
    "series": (
        ("every coarse date of a folder", "earthloom series --fine-dir landsat --coarse-dir modis -o predicted"),
        (
            "how good that is, on the dates that are known",
            "earthloom series --fine-dir landsat --coarse-dir modis --evaluate -o judged",
        ),
    ),
    "superresolve": (
        ("seconds, without a network", "earthloom superresolve cube.tif --ratio 2 -m back_projection -o fine.tif"),
        ("the network, four times finer", "earthloom superresolve cube.tif --ratio 4 -o fine.tif"),
    ),
    "align": (
        (
            "published coefficients",
            "earthloom align s2.tif --from sentinel2a --to landsat8 -m hls -o l8.tif",
        ),
        (
            "fitted to an image of the other sensor, the best of several methods",
            f"earthloom align s2.tif --from sentinel2a --to gaofen1_wfv{NEXT}--target gf1.tif -m auto -o as_gf1.tif",
        ),
    ),
    "align fit": (("to keep", "earthloom align fit s2.tif gf1.tif --from sentinel2a --to gaofen1_wfv -o fit.json"),),
    "align apply": (("to any other image", "earthloom align apply fit.json other_s2.tif -o as_gf1.tif"),),
    "decloud": (
        (
            "filled by radar",
            "earthloom decloud --optical s2.tif --sar s1.tif --mask clouds.tif -o c.tif",
        ),
        (
            "from other days",
            "earthloom decloud --optical s2.tif --date may.tif --date july.tif -o c.tif",
        ),
        (
            "a mask of classes, the mask that was used kept",
            "earthloom decloud --optical s2.tif --mask scl.tif --mask-from scl -o c.tif",
        ),
    ),
    "evaluate": (
        ("against a reference", "earthloom evaluate sharp.tif --reference truth.tif --ratio 4"),
        ("without one", "earthloom evaluate sharp.tif --pan pan.tif --ms ms.tif"),
        (
            "several products, maps of where each is off",
            "earthloom evaluate a.tif b.tif --pan pan.tif --ms ms.tif --figure maps.png",
        ),
        (
            "clouds removed, beside the cloudy image and filling from around",
            "earthloom evaluate c.tif --reference t.tif --mask m.tif --before s2.tif",
        ),
    ),
    "compare": (
        (
            "three methods on a scene of yours",
            f"earthloom compare pansharpen --pan pan.tif --ms ms.tif{NEXT}--methods gsa mtf_glp_hpm bt_h -o c.html",
        ),
    ),
    "bench": (
        (
            "three methods on PanCollection's test images, as its papers judge them",
            f"earthloom bench pansharpen --data wv3.h5 --protocol pancollection{NEXT}--methods exp gsa bt_h -o wv3",
        ),
        (
            "a folder of products that somebody else made, beside no fusion",
            f"earthloom bench pansharpen --data scenes --methods exp{NEXT}--products theirs=their_products -o judged",
        ),
        ("the same figures again, from a manifest", "earthloom bench --manifest wv3/manifest.json"),
    ),
    "report": (
        ("a page beside a product", "earthloom report sharp.tif"),
        ("inputs that lie elsewhere, and the truth", "earthloom report s.tif --look-in in --reference t.tif"),
        ("all dates of a series", "earthloom report predicted -o series.html"),
    ),
    "view": (
        ("two images: a line between them, their difference", "earthloom view sharp.tif ms.tif"),
        ("a series, with a slider of its dates", "earthloom view predicted"),
    ),
    "revisit": (
        (
            "STAC items of several sensors, by month",
            "earthloom revisit items/ --place 14.36 46.24 --figure revisit.png",
        ),
    ),
    "train": (
        ("on your scenes", "earthloom train pansharpening/cf2n --data scenes --validation held -o mine"),
        ("its weights at work", "earthloom pansharpen --pan p.tif --ms m.tif -m cf2n --weights mine -o s.tif"),
    ),
    "dataset": (("what a data set holds", "earthloom dataset info train_wv3.h5"),),
    "dataset convert": (
        (
            "scenes to patches, a tenth apart",
            "earthloom dataset convert scenes/ --patch 64 --split 0.1 -o t.h5",
        ),
        ("a benchmark to files", "earthloom dataset convert test_wv3.h5 -o test_wv3"),
    ),
    "dataset info": (("count, shapes, geometry", "earthloom dataset info train_wv3.h5 --samples 64"),),
    "weights": (("those that are shipped", "earthloom weights list"),),
    "weights list": (("for a program", "earthloom weights list --json"),),
    "weights show": (
        ("shipped weights", "earthloom weights show landsat_2to1"),
        ("those of a run", "earthloom weights show runs/mine"),
    ),
    "weights import": (
        ("an authors' checkpoint", "earthloom weights import model.pth -o coarsr.safetensors"),
        ("one of the DLPan toolbox", "earthloom weights import WV3/pnn.pth --sensor wv3 -o pnn.safetensors"),
    ),
    "export": (
        ("with the weights that ship", "earthloom export hpm_cnn -o hpm_cnn.onnx"),
        (
            "cubes of 31 bands, in tiles of a fixed size",
            f"earthloom export coarsr --weights cubes_2to1 --bands 31 --tile 256{NEXT}-o coarsr.onnx",
        ),
        ("a file at work", "earthloom pansharpen --pan p.tif --ms m.tif -m onnx:hpm_cnn.onnx -o s.tif"),
    ),
    "info": (
        ("any image", "earthloom info ms.tif"),
        ("how a product was made, for a program", "earthloom info sharp.tif --json"),
    ),
    "methods": (
        ("those of a job", "earthloom methods align"),
        ("those that can run on files", "earthloom methods --for pan.tif ms.tif"),
        ("all about one", "earthloom methods mtf_glp_hpm"),
        ("where two jobs share a name", "earthloom methods decloud/cf2n"),
    ),
    "sensors": (
        ("all of them", "earthloom sensors"),
        ("all about one", "earthloom sensors worldview3"),
    ),
    "unfinished": (
        ("what stopped runs have left below a folder", "earthloom unfinished out"),
        ("be rid of what is older than a month", "earthloom unfinished out --remove --older-days 30"),
    ),
    "doctor": (
        ("whether all is well here", "earthloom doctor"),
        ("a report to attach to a question", "earthloom doctor -o report.txt"),
    ),
    "demo": (
        ("into a folder of its own", "earthloom demo -o first-look"),
        ("inputs to try another job on, with the truth", "earthloom demo decloud -o clouds"),
    ),
}


def of(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Examples of a command, by the words that name it: those of the inner command where it has some."""
    return EXAMPLES.get(" ".join(words[:2]), EXAMPLES.get(words[0], ())) if words else ()

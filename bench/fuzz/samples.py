"""Small valid files, written by the libraries that write such files."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import netcdf_file, savemat
from tests.contract.formats import samples as products
from tests.e2e.test_revisit import month_of_two
from tests.raster.conftest import UTM, grid, put

ALL = products.numbers


def numbers(bands: int = 3, rows: int = 12, cols: int = 10) -> np.ndarray:
    """A few waves."""
    return ALL(bands)[:, :rows, :cols]


def geotiff(folder: Path) -> Path:
    """In strips, with a band's name, scaling, nodata and tags of ours."""
    path = put(folder / "scene.tif", numbers(), nodata=-1, descriptions=("blue", "green", "red"), scales=(1e-4,) * 3,
               offsets=(0.0,) * 3, transform=grid(30))  # fmt: skip
    import rasterio

    with rasterio.open(path, "r+") as file:
        file.update_tags(
            EARTHLOOM_SENSOR="landsat8", EARTHLOOM_BAD_BANDS="2", EARTHLOOM_METHOD="gsa", wavelengths="450, 550, 650",
            EARTHLOOM_REGISTRATION='{"pan": {"shift_px": [0.1, 0.2]}}', EARTHLOOM_INPUTS='{"ms": ["a.tif"]}',
        )  # fmt: skip
        file.update_tags(1, wavelength="450", wavelength_units="Nanometers", fwhm="20")
    return path


def tiled(folder: Path) -> Path:
    """In packed tiles with overviews, as cloud-optimised ones."""
    return put(folder / "cog.tif", numbers(2, 40, 40).astype("uint16"), driver="COG", compress="DEFLATE", blocksize=16,
               photometric=None, transform=grid(30), BIGTIFF="YES")  # fmt: skip


def envi(folder: Path) -> Path:
    """A header and its numbers."""
    data = put(folder / "flight.dat", numbers(), driver="ENVI", photometric=None, transform=grid(30))
    header = data.with_suffix(".hdr")
    more = "wavelength = {450, 550, 650}\nfwhm = {10, 10, 10}\nwavelength units = Nanometers\nbbl = {1,0,1}\n"
    header.write_text(header.read_text() + more)
    return header


FIELDS = """GROUP = LANDSAT_METADATA_FILE
  GROUP = IMAGE_ATTRIBUTES
    SPACECRAFT_ID = "LANDSAT_8"
    DATE_ACQUIRED = 2020-05-06
    SUN_ELEVATION = 45.5
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL1_RADIOMETRIC_RESCALING
    RADIANCE_MULT_BAND_2 = 1.2E-02
    RADIANCE_ADD_BAND_2 = -60.1
    REFLECTANCE_MULT_BAND_2 = 2.0E-05
    REFLECTANCE_ADD_BAND_2 = -0.1
    REFLECTANCE_MULT_BAND_3 = 2.0E-05
    REFLECTANCE_ADD_BAND_3 = -0.1
  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING
END_GROUP = LANDSAT_METADATA_FILE
END
"""


def landsat(ending: str) -> Callable[[Path], Path]:
    """Two bands of Landsat 8 with their MTL file as text, JSON or XML."""

    def make(folder: Path) -> Path:
        place = folder / "LC08_L1TP_scene"
        place.mkdir()
        for band in (1, 2, 3, 4, 5, 6, 7, 9):
            put(place / f"LC08_B{band}.TIF", numbers(1).astype("uint16"), transform=grid(30))
        groups: dict[str, dict[str, str]] = {}
        name = ""
        for key, _, value in (line.strip().partition(" = ") for line in FIELDS.splitlines()):
            if key == "GROUP":
                name = value
            elif key != "END_GROUP" and value:
                groups.setdefault(name, {})[key] = value.strip('"')
        inner = "".join(f"<{g}>{''.join(f'<{k}>{v}</{k}>' for k, v in f.items())}</{g}>" for g, f in groups.items())
        text = {
            "txt": FIELDS, "json": json.dumps({"LANDSAT_METADATA_FILE": groups}),
            "xml": f'<?xml version="1.0"?><LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>',
        }[ending]  # fmt: skip
        (place / f"LC08_MTL.{ending}").write_text(text)
        return place

    return make


def safe(folder: Path) -> Path:
    """A product of Level 2A with its metadata and two bands."""
    place = folder / "S2A_MSIL2A_20220308T105021_N0400_R051_T31UFT_20220308T140000.SAFE"
    bands = place / "GRANULE" / "L2A_T31UFT" / "IMG_DATA" / "R10m"
    bands.mkdir(parents=True)
    for band in ("02", "03"):
        put(bands / f"T31UFT_20220308T105021_B{band}_10m.tif", numbers(1).astype("uint16"), transform=grid(10))
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{at}">-1000</BOA_ADD_OFFSET>' for at in range(13))
    (place / "MTD_MSIL2A.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int">'
        "<n1:General_Info><Product_Info><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE><Datatake><SPACECRAFT_NAME>"
        "Sentinel-2A</SPACECRAFT_NAME><DATATAKE_SENSING_START>2022-03-08T10:50:21.024Z</DATATAKE_SENSING_START>"
        "</Datatake></Product_Info><BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>"
        f"<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST></n1:General_Info>"
        "</n1:Level-2A_User_Product>"
    )
    return place


def hls(folder: Path) -> Path:
    """Two band files of HLS."""
    place = folder / "hls"
    place.mkdir()
    for band in ("B02", "B03"):
        put(place / f"HLS.S30.T31UFT.2020068T105021.v2.0.{band}.tif", numbers(1), transform=grid(30), nodata=-9999)
    return place


def stac_beside(folder: Path) -> Path:
    """A band with the STAC item that lists it."""
    path = put(folder / "B04.tif", numbers(1).astype("uint16"), transform=grid(10))
    properties = {"datetime": "2022-03-08T10:50:21Z", "platform": "sentinel-2a", "s2:processing_baseline": "04.00"}
    asset = {"href": "./B04.tif", "raster:bands": [{"scale": 1e-4, "offset": -0.1, "nodata": 0}],
             "eo:bands": [{"name": "B04"}]}  # fmt: skip
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "a", "properties": properties, "assets": {"red": asset}}
    (folder / "item.json").write_text(json.dumps(item))
    return path


def mat5(folder: Path) -> Path:
    """A packed cube with its wavelengths, a text, a structure and a cell."""
    held: dict[str, Any] = {"hsi": np.moveaxis(numbers(6), 0, 2), "wavelengths": np.arange(450.0, 1050, 100)[:, None]}
    return _mat(folder, held | {"about": "x", "s": {"a": 1.0, "b": "t"}, "c": np.array([1, "two"], object)}, True)


def mat5_plain(folder: Path) -> Path:
    """The same, not packed."""
    held: dict[str, Any] = {"hsi": np.moveaxis(numbers(4), 0, 2), "wavelengths": np.arange(450.0, 850, 100)[:, None]}
    return _mat(folder, held | {"s": {"a": 1.0, "b": "t"}, "c": np.array([1, "two"], object), "earthloom": "{}"}, False)


def _mat(folder: Path, held: dict[str, Any], packed: bool) -> Path:
    path = folder / "m.mat"
    savemat(path, held, do_compression=packed)
    return path


def mat73(folder: Path) -> Path:
    """A cube as MATLAB 7.3 stores it."""
    path = folder / "m73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("hsi", data=np.moveaxis(numbers(6), 0, 2).T, compression="gzip", chunks=True)
        file["wavelengths"] = np.arange(450.0, 1050, 100)[None]
    return path


def h5(folder: Path) -> Path:
    """Samples of PAN and MS."""
    path = folder / "test.h5"
    with h5py.File(path, "w") as file:
        file["ms"] = numbers(4)[None].astype("f4")
        file["gt"] = numbers(4).astype("f4")
    return path


def stack(folder: Path) -> Path:
    """A data set in one file."""
    path = folder / "train_wv3.h5"
    with h5py.File(path, "w") as file:
        file["ms"] = np.repeat(numbers(4, 8, 8)[None], 2, axis=0).astype("f4")
        file["pan"] = np.repeat(ALL(1)[:, :32, :32][None], 2, axis=0).astype("f4")
        file.attrs.update({"sensor": "worldview2", "bands": '["blue", "green", "red", "nir"]', "maximum": 2047.0})
    return path


def dataset(folder: Path) -> Path:
    """A data set in a folder, with what it says about its files."""
    for role, data, pixel in (("ms", numbers(3, 8, 8), 4.0), ("pan", ALL(1)[:, :32, :32], 1.0)):
        (folder / role).mkdir()
        put(folder / role / "a.tif", data, transform=grid(pixel))
    facts = {"sensor": "worldview2", "convention": "centre", "bands": ["blue", "green", "red"], "maximum": 2047}
    (folder / "dataset.json").write_text(json.dumps(facts))
    return folder


def netcdf(folder: Path) -> Path:
    """NetCDF 4 of one cube."""
    path = folder / "cube.nc"
    with h5py.File(path, "w") as file:
        axes = {"wavelength": (450.0, 550.0, 650.0), "y": np.arange(12.0, 0, -1), "x": np.arange(10.0)}
        for name, values in axes.items():
            file[name] = np.asarray(values, float)
            file[name].make_scale(name)
        file["wavelength"].attrs["units"] = np.bytes_("nm")
        file["cube"] = numbers()
        for at, name in enumerate(axes):
            file["cube"].dims[at].attach_scale(file[name])
    return path


def netcdf3(folder: Path) -> Path:
    """NetCDF 3 of one cube."""
    path = folder / "classic.nc"
    with netcdf_file(path, "w") as file:
        for name, size in (("wavelength", 3), ("y", 12), ("x", 10)):
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(float(size))
        file.createVariable("cube", "i2", ("wavelength", "y", "x"))[:] = numbers()
    return path


def bare(folder: Path) -> Path:
    """Numbers alone; the shape is that of the published scenes."""
    path = folder / "surf_ref.bil"
    numbers(6).transpose(1, 0, 2).tofile(path)
    return path


def sample(name: str) -> Callable[[Path], Path]:
    """A product of an agency, as the tests make it."""
    return lambda folder: products.SAMPLES[name](folder).path


def planet_json(folder: Path) -> Path:
    """A scene of Planet with its item beside."""
    place = products.planetscope(folder).path
    properties = {"instrument": "PSB.SD", "acquired": "2022-03-01T10:34:56Z", "item_type": "PSScene"}
    (place / f"{place.name}_metadata.json").write_text(json.dumps({"id": place.name, "properties": properties}))
    return place


def zipped(folder: Path) -> Path:
    """A scene of Landsat in a zip."""
    inner = folder / "inner"
    inner.mkdir()
    place, path = landsat("txt")(inner), folder / "LC08.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(place.iterdir()):
            archive.write(file, f"LC08/{file.name}")
    return path


def tarred(folder: Path) -> Path:
    """A scene of Landsat in a tar."""
    inner = folder / "inner"
    inner.mkdir()
    place, path = landsat("txt")(inner), folder / "LC08.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(place, "LC08")
    return path


def published(folder: Path) -> Path:
    """The published data set: patches, and the list that names them."""
    for kind in ("S2", "GF1", "mask"):
        place = folder / "data" / "region" / kind
        place.mkdir(parents=True)
        (place / "p_1.tif").write_bytes(b"")
    (folder / "divide").mkdir()
    (folder / "divide" / "train.txt").write_text("p_1.tif\nregion/p_1\n")
    return folder


HEADER = {
    "method": "pansharpening/cf2n", "fields": {"width": 4}, "sizes": {"bands": 2, "guide": 1, "ratio": 4.0},
    "sensor": "landsat8", "bands": ["a", "b"], "centres_nm": [450.0, 550.0], "convention": "centre",
    "card": {"data": "x"},
}  # fmt: skip


def weights(folder: Path) -> Path:
    """Two tensors with our header."""
    from safetensors.numpy import save_file

    path = folder / "w.safetensors"
    tensors = {"a.weight": np.ones((2, 3), "f4"), "a.bias": np.ones(2, "f2")}
    save_file(tensors, path, {"earthloom": json.dumps(HEADER)})
    return path


def coarsr(folder: Path) -> Path:
    """The beginning of a checkpoint of CoarSR."""
    import torch

    state = {"gamma_rnn": torch.ones(3), "head_group_one.weight_g": torch.ones(2, 1, 1, 1)}
    state |= {"head_group_one.weight_v": torch.ones(2, 1, 3, 3), "head_group_one.bias": torch.zeros(2)}
    torch.save({"epoch": 1, "model": state}, folder / "model.pth")
    return folder / "model.pth"


def unet(folder: Path) -> Path:
    """A checkpoint of UNet-LUT."""
    import torch

    from earthloom.nn.unet_lut import PublishedNet

    state = {_theirs(key.split(".")): value for key, value in PublishedNet().state_dict().items()}
    torch.save({"model_state": state, "optimizer_state": {}}, folder / "epochs_1.pth")
    return folder / "epochs_1.pth"


def _theirs(parts: list[str]) -> str:
    """The authors' name of one of our tensors."""
    last, level = ".".join(parts[-2:]), str(int(parts[2]) + 1) if parts[1] in ("down", "up", "join") else ""
    if parts[0] == "conv":
        return ".".join(["conv1", *parts[1:]])
    return "unet." + {
        "inc": f"inc.double_conv.{last}", "down": f"down{level}.maxpool_conv.1.double_conv.{last}",
        "up": f"up{level}.up.{parts[-1]}",
        "join": f"up{level}.conv.double_conv.{last}", "out": f"outc.conv.{parts[-1]}",
    }[parts[1]]  # fmt: skip


def checkpoint(folder: Path) -> Path:
    """A checkpoint of a run."""
    import torch

    state = {"format": 1, "step": 3, "model": {"a": torch.ones(2, 2)}, "random": torch.get_rng_state()[:64]}
    torch.save(state, folder / "step_3.ckpt")
    return folder / "step_3.ckpt"


def transform(folder: Path) -> Path:
    """A monotone table from two bands to two."""
    from earthloom.methods import catalog
    from earthloom.methods.families.aligning import Solved
    from earthloom.methods.families.mapping import Mapping
    from earthloom.prepare.bandpass.transform import Side, Transform
    from earthloom.types import Band

    mix = {"matrix": [[1.0, 0.0], [0.0, 1.0]]}
    told = {"mix": _parts(mix), "tables": {"first": [0.0, 0.0], "step": [0.5, 0.5], "values": [[0.0, 0.4, 1.1]] * 2}}
    aligner: Any = catalog.make("monotone_lut", "bandpass")
    bands = (Band("blue", 480.0, 60.0, 0.2), Band("green", 560.0, 60.0, 0.2))
    source, target = Side(bands, "sentinel2a", (1e-4,), (0.0,), 0.0), Side(bands, "landsat8", (1e-4,), (0.0,), 0.0)
    quality, fitted = {"rmse": 0.01}, {"source_top": [0.3, 0.3], "pairs": 1}
    made = Transform(Solved(aligner, Mapping.of(told)), source, target, quality, fitted)
    return made.save(folder / "t.json")


def _parts(known: dict[str, Any]) -> dict[str, Any]:
    from earthloom.methods.families.mapping import PARTS

    return {name: known.get(name, [1.0, 1.0] if name == "spread" else [0.0, 0.0]) for name in PARTS}


def sensor(folder: Path) -> Path:
    """A sensor with curves of its own."""
    (folder / "own.toml").write_text(
        'title = "Own"\naliases = ["OWN"]\nbit_depth = 12\nratio = 4\nsrf = "own.csv"\nnote = "n"\n'
        'bands = [\n  { name = "a", number = "B1", centre_nm = 450, fwhm_nm = 20, gsd_m = 8, mtf_nyquist = 0.3 },\n'
        '  { name = "b", number = "B2", centre_nm = 550, fwhm_nm = 20, gsd_m = 8, mtf_nyquist = 0.3 },\n]\n'
        "[pan]\ncentre_nm = 500\nfwhm_nm = 200\ngsd_m = 2\nmtf_nyquist = 0.15\n[subsets]\none = [\"a\"]\n"
        '[source]\nwhere = "there"\n'
    )  # fmt: skip
    rows = "".join(f"{nm},{max(0, 20 - abs(nm - 450))},{max(0, 20 - abs(nm - 550))},1\n" for nm in range(400, 620, 10))
    (folder / "own.csv").write_text("wavelength_nm,B1,B2,pan\n" + rows)
    return folder / "own.toml"


def spectra(folder: Path) -> Path:
    """A library of two spectra."""
    (folder / "s.csv").write_text("wavelength_nm,a,b\n" + "".join(f"{nm},0.1,0.2\n" for nm in range(400, 900, 50)))
    return folder / "s.csv"


def run_toml(folder: Path) -> Path:
    """The file of a run."""
    (folder / "run.toml").write_text(
        'steps = 100\nlr = 0.002\nbatch = 4\naugment = "full"\nchannels_last = true\nloss = "l1"\nminutes = 0.0\n'
        '[run]\nmethod = "pansharpening/cf2n"\ndata = ["a.h5"]\n[network]\nwidth = 8\n'
    )
    return folder / "run.toml"


def items(folder: Path) -> Path:
    """A collection of STAC items."""
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": month_of_two()[:3]}))
    return folder / "items.json"


def item_lines(folder: Path) -> Path:
    """An item a line."""
    (folder / "items.ndjson").write_text("\n".join(json.dumps(one) for one in month_of_two()[:3]))
    return folder / "items.ndjson"


def sights_csv(folder: Path) -> Path:
    """A table with a cloud cover and a mask."""
    put(folder / "m.tif", (numbers(1) > 900).astype("uint8"), crs=UTM, transform=grid(30))
    (folder / "list.csv").write_text(
        "date,sensor,cloud,mask\n2020-01-01,a,10,\n2020-01-05,b,55.5,\n2020-02-01,a,,m.tif\n"
    )
    return folder / "list.csv"


def name(folder: Path) -> Path:
    """A name of a file."""
    (folder / "name.txt").write_text("scene_of_20200105/LC08_B4.TIF")
    return folder / "name.txt"

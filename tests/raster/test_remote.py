"""Images behind a web server: the same product as from files, few bytes more than needed, and errors in one line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from bench.reliability.needed import blocks_read
from bench.reliability.range_server import Site, serving
from rasterio.shutil import copy
from scipy.ndimage import gaussian_filter

import earthloom
from earthloom.errors import FileError, InputError
from earthloom.raster.addresses import Address, is_remote, without_secrets
from earthloom.raster.metadata.stac_items import resolved
from earthloom.raster.open import open_image
from earthloom.raster.remote import gdal_name, why
from earthloom.types import Window

pytestmark = pytest.mark.slow
SIDE = 1024  # pixels of the PAN
SECRET = "sig=SECRET&se=2030"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between tries."""
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.001")


def cog(path: Path, side: int, bands: int, pixel_m: float) -> Path:
    """A cloud-optimised GeoTIFF of one ground, seen in pixels of this size."""
    ground = gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 2) * 4000 + 2000
    seen = ground.reshape(side, SIDE // side, side, SIDE // side).mean((1, 3))
    data = np.stack([seen * (1 + band / 5) for band in range(bands)])
    draft = path.with_suffix(".draft.tif")
    profile: dict[str, Any] = {"driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": Affine(pixel_m, 0, 500000, 0, -pixel_m, 5000000)}
    with rasterio.open(draft, "w", **profile, **place) as file:
        file.write(data.astype("uint16"))
    copy(draft, path, driver="COG", compress="zstd", blocksize=256)
    draft.unlink()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PAN, MS, single bands, and a STAC item of these."""
    place = tmp_path_factory.mktemp("site")
    cog(place / "pan.tif", 1024, 1, 2.5)
    cog(place / "ms.tif", 256, 4, 10)
    for key in ("B02", "B03", "B04"):
        cog(place / f"{key}.tif", 256, 1, 10)
    assets = {
        key: {
            "href": f"./{key}.tif", "roles": ["data"], "type": "image/tiff; profile=cloud-optimized", "gsd": 10,
            "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}],
            "eo:bands": [{"name": key, "center_wavelength": 0.4 + 0.1 * at}],
        }
        for at, key in enumerate(("B02", "B03", "B04"))
    }  # fmt: skip
    assets["visual"] = {"href": "./ms.tif", "roles": ["visual"], "type": "image/tiff"}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "one", "assets": assets, "geometry": None, "links": []}
    item["properties"] = {"datetime": "2024-05-06T10:00:00Z"}
    (place / "item.json").write_text(json.dumps(item))
    other = {**item, "id": "two:b", "properties": {"datetime": "2024-05-16T10:00:00Z"}}
    (place / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": [item, other]}))
    return place


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    """A server that does what it should."""
    with serving(folder) as one:
        yield one


def numbers(image: Any) -> np.ndarray:
    """All stored numbers."""
    return image.reader.read(Window(0, 0, *image.shape), image.dtype)[0]


def test_secrets_travel_but_are_not_shown() -> None:
    """Query and user are for opening alone, through pickles too; both slashes come back."""
    one = Address(f"https://me:word@host/a/x.tif?{SECRET}#B02")
    assert str(one) == "https://host/a/x.tif#B02"
    assert pickle.loads(pickle.dumps(one)).secret == f"https://me:word@host/a/x.tif?{SECRET}#B02"
    assert without_secrets(f"'/vsicurl/https://h/x.tif?{SECRET}' not known") == "'/vsicurl/https://h/x.tif' not known"
    assert str(Address("https:/host/x.tif")) == "https://host/x.tif"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("https://h/x.tif", "/vsicurl/https://h/x.tif"), ("s3://b/k/x.tif", "/vsis3/b/k/x.tif"),
        ("gs://b/x.tif", "/vsigs/b/x.tif"), ("az://c/x.tif", "/vsiaz/c/x.tif"), ("/vsicurl/http://h/x", "/vsicurl/http://h/x"),
    ],
)  # fmt: skip
def test_addresses_in_words_of_gdal(given: str, name: str) -> None:
    """Every scheme has its handler."""
    assert is_remote(given) and gdal_name(given) == name
    assert not is_remote("s3.tif") and not is_remote("/data/https/x.tif")


@pytest.mark.parametrize("faulty", [False, True])
def test_same_product_for_few_bytes(folder: Path, tmp_path: Path, faulty: bool) -> None:
    """The product of remote files is that of the local ones; faults cost requests, not pixels."""
    how: dict[str, Any] = {"method": "gsa", "tile_size": 512, "threads": 2}
    local = earthloom.pansharpen(folder / "pan.tif", folder / "ms.tif", output=tmp_path / "a.tif", **how)
    with serving(folder, faulty=faulty) as site, blocks_read() as needed:
        far = earthloom.pansharpen(
            f"{site.url}/pan.tif?{SECRET}", f"{site.url}/ms.tif", output=tmp_path / "b.tif", **how
        )
    assert (site.refused > 0) == faulty
    assert sum(site.sent.values()) <= 1.3 * sum(needed.values())
    with rasterio.open(local) as one, rasterio.open(far) as other:
        assert np.array_equal(one.read(), other.read())
        assert one.profile == other.profile
        differ = {key for key, value in one.tags().items() if other.tags()[key] != value}
        assert differ <= {"EARTHLOOM_INPUTS", "EARTHLOOM_CREATED"}
        inputs = json.loads(other.tags()["EARTHLOOM_INPUTS"])
    assert [inputs[role][0]["name"] for role in ("pan", "ms")] == ["pan.tif", "ms.tif"]
    assert inputs["pan"][0]["bytes"] == (folder / "pan.tif").stat().st_size
    assert b"SECRET" not in Path(far).read_bytes()


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "no such file"), (403, "forbidden"), (401, "forbidden"), (503, "answers 503"), (429, "too often")],
)
def test_what_a_server_refuses_is_said_in_one_line(folder: Path, status: int, words: str) -> None:
    """With the address and the cause, and without the signature."""
    with serving(folder, answer=status) as site, pytest.raises(FileError) as caught:
        open_image(f"{site.url}/ms.tif?{SECRET}")
    line = str(caught.value)
    assert f"{site.url}/ms.tif" in line and words in line
    assert "SECRET" not in line and "\n" not in line


def test_servers_that_are_not_there(folder: Path) -> None:
    """Gone, unknown, without a certificate."""
    with serving(folder) as site:
        safe = site.url.replace("http:", "https:")
        with pytest.raises(FileError, match="TLS"):
            open_image(f"{safe}/ms.tif")
    with pytest.raises(FileError, match="refused"):
        open_image(f"{site.url}/ms.tif")
    with pytest.raises(FileError, match="no host of that name"):
        open_image("http://nowhere.invalid/ms.tif")


def test_a_server_that_is_gone_ends_the_command(folder: Path, tmp_path: Path, capfd: Any) -> None:
    """One line, exit code 2, nothing left behind."""
    from earthloom.cli.main import run

    with serving(folder) as site:
        pass
    with pytest.raises(SystemExit) as ended:
        run(
            [
                "pansharpen",
                "--pan",
                f"{site.url}/pan.tif?{SECRET}",
                "--ms",
                str(folder / "ms.tif"),
                "-o",
                str(tmp_path / "x.tif"),
            ]
        )
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    assert ended.value.code == 2 and len(lines) == 1
    assert f"{site.url}/pan.tif" in lines[0] and "SECRET" not in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_comes_back_is_found(site: Site) -> None:
    """GDAL keeps that a file was not there; another open asks again."""
    site.answer = 404
    with pytest.raises(FileError):
        open_image(f"{site.url}/ms.tif")
    site.answer = None
    assert open_image(f"{site.url}/ms.tif").count == 4


def test_a_read_that_fails_once_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where GDAL itself gives up."""
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    with open_image(f"{site.url}/ms.tif") as image:
        site.failing = 2  # GDAL's try and its second one
        assert numbers(image).shape == (4, 256, 256)
    assert site.failing == 0


def test_signatures_are_added_at_the_moment_of_opening(folder: Path) -> None:
    """And shown nowhere."""
    with serving(folder, token=SECRET) as site:
        with pytest.raises(FileError, match="forbidden"):
            open_image(f"{site.url}/ms.tif")
        earthloom.sign_urls(lambda url: f"{url}?{SECRET}")
        try:
            image = open_image(f"{site.url}/ms.tif")
            assert image.paths == (f"{site.url}/ms.tif",) and "SECRET" not in repr(image)
        finally:
            earthloom.sign_urls(None)


def test_signing_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names no function is said."""
    monkeypatch.setenv("EARTHLOOM_SIGN", "json:nothing")
    with pytest.raises(InputError, match="EARTHLOOM_SIGN"):
        open_image("http://127.0.0.1:9/ms.tif")


@pytest.mark.parametrize("far", [False, True])
def test_assets_of_an_item_are_bands(folder: Path, site: Site, far: bool) -> None:
    """In the order asked for, with what the item says of their numbers."""
    base = site.url if far else str(folder)
    image = open_image(f"{base}/item.json#B04,B02")
    assert image.names == ("B04", "B02")
    assert image.wavelengths_nm == pytest.approx((600, 400))
    assert image.scales == (0.0001, 0.0001) and image.offsets == (-0.1, -0.1) and image.nodata == 0
    assert str(image.acquired) == "2024-05-06"
    with rasterio.open(folder / "B04.tif") as file:
        assert np.array_equal(numbers(image)[0], file.read(1))
    assert open_image(f"{base}/item.json").names == ("B02", "B03", "B04")  # all data of one pixel size, no pictures
    assert str(open_image(f"{base}/items.json#two:b:B03").acquired) == "2024-05-16"


def test_what_an_item_does_not_tell_is_asked_for(folder: Path) -> None:
    """One line with the keys, or the items."""
    with pytest.raises(InputError, match="B02, B03, B04, visual"):
        open_image(f"{folder}/item.json#B11")
    with pytest.raises(InputError, match="one, two:b"):
        open_image(f"{folder}/items.json#B02")
    with pytest.raises(InputError, match="panchromatic"):
        open_image(f"{folder}/item.json", role="pan")


def test_objects_of_pystac(folder: Path, tmp_path: Path) -> None:
    """An Item is a path like others; `assets` names those that are meant."""
    import pystac

    item = pystac.Item.from_file(str(folder / "item.json"))
    product = earthloom.pansharpen(
        folder / "pan.tif", earthloom.assets(item, "B03", "B02"), method="exp", output=tmp_path / "x.tif"
    )
    with rasterio.open(product) as file:
        assert file.descriptions == ("B03", "B02") and file.scales == (0.0001, 0.0001)


@pytest.mark.parametrize(
    "href",
    ["/etc/passwd", "../x.tif", "file:///etc/passwd", "/vsizip/x.zip/a.tif", "<VRT/>", "ftp://h/x", "x.json", ""],
)
def test_hrefs_that_lead_elsewhere_are_refused(tmp_path: Path, href: str) -> None:
    """Whatever a local item names, no file outside its folder is opened."""
    with pytest.raises(InputError, match="names"):
        resolved(href, str(tmp_path / "item.json"), "item")


def test_hrefs_that_are_allowed(tmp_path: Path) -> None:
    """Beside the item, below it, and on the web; relative ones of a web item stay there."""
    item = str(tmp_path / "item.json")
    assert resolved("./a/x.tif", item, "item") == str(tmp_path / "a/x.tif")
    assert resolved(str(tmp_path / "x.tif"), item, "item") == str(tmp_path / "x.tif")
    assert resolved("https://h/x.tif", item, "item") == "https://h/x.tif"
    assert resolved("../x.tif", "https://h/a/b/item.json", "item") == "https://h/a/x.tif"
    assert resolved("/x.tif", "https://h/a/item.json", "item") == "https://h/x.tif"
    with pytest.raises(InputError):
        resolved("file:///etc/passwd", "https://h/a/item.json", "item")


def test_a_product_with_its_item(folder: Path, site: Site, tmp_path: Path) -> None:
    """Where, when, bands, how and of what, without secrets; it goes with the product, and replaces no other file."""
    import pystac

    out, sheet = tmp_path / "x.tif", tmp_path / "x.json"
    how: dict[str, Any] = {"method": "exp", "output": out}
    product = earthloom.pansharpen(f"{site.url}/pan.tif?{SECRET}", f"{site.url}/item.json#B04,B02", stac=True, **how)
    item = pystac.Item.from_file(str(sheet))
    with rasterio.open(product) as file:
        assert item.properties["proj:shape"] == list(file.shape)
        assert item.properties["proj:transform"] == list(file.transform)[:6]
    assert item.properties["proj:code"] == "EPSG:32633" and item.id == "x"
    assert str(item.datetime).startswith("2024-05-06")
    assert item.properties["processing:software"] == {"earthloom": earthloom.__version__}
    assert "pansharpening/exp of pan.tif, B04.tif, B02.tif" in item.properties["processing:lineage"]
    bands = item.assets["data"].extra_fields["bands"]
    assert [band["name"] for band in bands] == ["B04", "B02"]
    assert bands[0]["raster:scale"] == 0.0001 and bands[0]["eo:center_wavelength"] == pytest.approx(0.6)
    assert [link.href for link in item.links if link.rel == "derived_from"] == [
        f"{site.url}/{name}.tif" for name in ("pan", "B04", "B02")
    ]
    assert "SECRET" not in sheet.read_text()
    assert open_image(str(sheet)).names == ("B04", "B02")  # and it is an image like others
    earthloom.pansharpen(folder / "pan.tif", folder / "ms.tif", overwrite=True, **how)
    assert not sheet.exists()
    out.unlink()
    sheet.write_text("{}")
    with pytest.raises(FileError, match=r"no STAC item of x\.tif"):
        earthloom.pansharpen(folder / "pan.tif", folder / "ms.tif", stac=True, **how)
    assert sheet.read_text() == "{}" and not out.exists()


@pytest.mark.parametrize("told", ["beside", "anywhere"])
def test_what_items_may_name_is_narrowed_or_lifted(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that rules lists and VRTs too."""
    monkeypatch.setenv("EARTHLOOM_OPEN", told)
    item = str(tmp_path / "a/item.json")
    assert resolved("b/x.tif", item, "item") == str(tmp_path / "a/b/x.tif")
    if told == "anywhere":
        assert resolved("../x.tif", item, "item") == str(tmp_path / "x.tif")
        assert resolved("https://h/x.tif", item, "item") == "https://h/x.tif"
        return
    for href in ("../x.tif", "https://h/x.tif"):
        with pytest.raises(InputError, match="names"):
            resolved(href, item, "item")


def test_a_store_without_keys_says_how_to_ask_for_what_is_public() -> None:
    said = why("s3://b/x.tif", OSError("AWS_SECRET_ACCESS_KEY and AWS_NO_SIGN_REQUEST configuration not defined"), "")
    assert said[0] == "no credentials" and "AWS_NO_SIGN_REQUEST=YES" in said[1] and "AWS_PROFILE" in said[1]
    assert "GS_NO_SIGN_REQUEST=YES" in why("gs://b/x.tif", OSError("GS_ACCESS_KEY_ID not defined"), "")[1]

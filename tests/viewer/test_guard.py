"""Who is answered, and what no request can do."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

from earthloom.errors import EarthloomError, FileError
from earthloom.viewer import serve
from earthloom.viewer.layers import open_layers

from ..e2e.conftest import Cli, grid, put
from .conftest import PORT, TOKEN, Client, Page, Running

Start = Callable[..., Page]
TILE = "/api/layers/0/tiles/0/0/0.png?bands=1&limits=0:255"
COOKIE = {"cookie": f"earthloom_{PORT}={TOKEN}"}
NAVIGATES = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return put(tmp_path / "a.tif", np.full((1, 20, 20), 7, np.uint8), grid(10))


@pytest.fixture
def client(page: Start, image: Path) -> Client:
    """Without the cookie."""
    found = page(image).client
    found.cookies.clear()
    return found


def test_the_address_that_was_printed_gives_the_cookie(client: Client) -> None:
    first = client.get(f"/?token={TOKEN}", headers=NAVIGATES)  # a click on the address in another page
    assert first.status_code == 200 and "<title>Earthloom viewer" in first.text
    kept = first.headers["set-cookie"]
    assert f"earthloom_{PORT}={TOKEN}" in kept and "HttpOnly" in kept and "SameSite=Strict" in kept
    assert client.get(TILE, headers=COOKIE | {"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/viewer.js", headers=COOKIE).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/viewer.js", "/api/scene", TILE, "/?token=", "/?token=wrong", f"/api/scene?token={TOKEN}"]
)
def test_without_the_token_nothing_is_told(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers and "a.tif" not in answer.text
    assert client.get(path, headers={"cookie": "earthloom_8123=other"}).status_code == 403
    assert client.get(path, headers={"cookie": f"earthloom_8124={TOKEN}"}).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        f"127.0.0.1:{PORT + 1}",
        "",
        f"127.0.0.1:{PORT}, evil.example",
    ],
)
def test_another_name_of_this_machine_is_refused(client: Client, host: str) -> None:
    """DNS rebinding: a page of somebody else whose name leads here."""
    answer = client.get(f"/?token={TOKEN}", headers=COOKIE | {"host": host})
    assert answer.status_code == 421 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, NAVIGATES,
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    ],
)  # fmt: skip
def test_a_request_of_another_page_is_refused(client: Client, headers: dict[str, str]) -> None:
    assert client.get(TILE, headers=COOKIE | headers).status_code == 403
    framed = headers | {"sec-fetch-dest": "iframe"}
    assert client.get("/", headers=COOKIE | framed).status_code == 403
    if headers != NAVIGATES:
        assert client.get(f"/?token={TOKEN}", headers=framed).status_code == 403


def test_nothing_can_be_changed_or_sent(client: Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, TILE, headers=COOKIE).status_code == 405
    assert client.request("GET", TILE, headers=COOKIE, content=b"x" * 100).status_code == 413
    assert client.request("HEAD", TILE, headers=COOKIE).status_code in (200, 405)


def test_every_answer_has_the_headers(client: Client) -> None:
    for path, headers in (
        (TILE, COOKIE),
        ("/", COOKIE),
        ("/nothing", COOKIE),
        (TILE, {}),
        ("/api/layers/9/record", COOKIE),
    ):
        found = client.get(path, headers=headers).headers
        policy = found["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert found["x-content-type-options"] == "nosniff" and found["x-frame-options"] == "DENY"
        assert found["referrer-policy"] == "no-referrer" and "access-control-allow-origin" not in found


@pytest.mark.parametrize(
    "path",
    [
        "/api/layers/0/tiles/1/0/0.png?bands=1&limits=0:255", "/api/layers/0/tiles/0/1/0.png?bands=1&limits=0:255",
        "/api/layers/0/tiles/99999999999999999999/0/0.png?bands=1&limits=0:1",
        "/api/layers/0/tiles/0/99999999999999999999/0.png?bands=1&limits=0:1",
        "/api/layers/9/tiles/0/0/0.png?bands=1&limits=0:255", "/api/layers/0/tiles/0/0/0.png?bands=2&limits=0:255",
        "/api/layers/0/tiles/0/0/0.png?bands=1,1&limits=0:255,0:255",
        "/api/layers/0/tiles/0/0/0.png?bands=0&limits=0:1",
        "/api/layers/0/tiles/0/0/0.png?bands=1,1,1,1&limits=0:1,0:1,0:1,0:1",
        "/api/layers/0/tiles/0/0/0.png?bands=\u0661&limits=0:1", "/api/layers/0/tiles/0/0/0.png?bands=1&limits=nan:inf",
        "/api/layers/0/tiles/0/0/0.png?bands=1&limits=0:1e300", "/api/layers/0/tiles/0/0/0.png?bands=1&limits=0",
        "/api/layers/0/tiles/0/0/0.png?bands=1&limits=0:1&colours=../../x", "/api/colours/nipy_spectral",
        "/api/layers/0/statistics?bands=1&low=90&high=10", "/api/layers/0/statistics?bands=1&low=-1&high=101",
        "/api/spectra?x=nan&y=0", "/api/spectra?x=1e999&y=0", "/api/spectra?x=1", "/api/spectra?x=1&y=1&layers=0,7",
        "/api/spectra?x=1&y=1&layers=" + ",".join(["0"] * 25), "/api/differences/0/3",
        "/api/layers/0/poorest?order=all",
        "/api/differences/0/0/tiles/0/0/0.png?pair=1:5",
    ],
)  # fmt: skip
def test_forged_sizes_and_numbers_are_refused(client: Client, path: str) -> None:
    answer = client.get(path, headers=COOKIE)
    assert answer.status_code == 400 and answer.text.count("\n") == 0


def test_an_endless_address_is_refused(client: Client) -> None:
    assert client.get(TILE + "&x=" + "1" * 3000, headers=COOKIE).status_code == 414
    assert client.get("/" + "a" * 300, headers=COOKIE).status_code == 414


PATHS = [
    "/../secret.tif", "/..%2fsecret.tif", "/%2e%2e/secret.tif", "//etc/passwd", "/static/../app.py",
    "/viewer.js/../../app.py", "/viewer.js%00.css", "/THIRD-PARTY.txt", "/api/layers/../secret.tif/record",
    "/api/layers/%2Fetc%2Fpasswd/record", "/api/layers/-1/record", "/api/layers/0%2F..%2F1/record",
]  # fmt: skip


def test_no_path_leads_to_another_file(live: Callable[..., Running], image: Path) -> None:
    """Over a socket: clients tidy such paths up before they send them."""
    put(image.parent / "secret.tif", np.full((1, 20, 20), 9, np.uint8), grid(10))
    running = live(image)
    rest = f"Host: 127.0.0.1:{running.port}\r\nCookie: earthloom_{running.port}={running.token}\r\nConnection: close"
    for path, codes in [(path, (400, 404)) for path in PATHS] + [("/viewer.js", (200,))]:
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\n{rest}\r\n\r\n".encode())
            answer = b"".join(iter(lambda wire=connection: wire.recv(65536), b""))
        assert int(answer.split(b" ", 2)[1]) in codes, (path, answer[:200])
        assert codes == (200,) or not any(word in answer for word in (b"root:", b"starlette", b"Copyright")), path
    assert running.stop() == 0


def test_a_file_that_was_replaced_is_not_served(page: Start, image: Path, tmp_path: Path) -> None:
    """By a link to another one, or by another one."""
    shown = page(image)
    assert shown.get(TILE).status_code == 200
    other = put(tmp_path / "other.tif", np.full((1, 20, 20), 9, np.uint8), grid(10))
    image.unlink()
    os.symlink(other, image)
    for path in (TILE, "/api/layers/0/record", "/api/spectra?x=400005&y=4999995"):
        answer = shown.get(path)
        assert answer.status_code == 409 and "changed since" in answer.text


VRT = """<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="1">{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>
</VRTDataset>"""


def test_a_vrt_opens_what_lies_beside_it_alone(page: Start, image: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    inside = put(home / "in.tif", np.full((1, 20, 20), 5, np.uint8), grid(10))
    (home / "good.vrt").write_text(VRT.format(source=inside.name))
    assert page(home / "good.vrt").get(TILE).status_code == 200
    for source in ("../a.tif", str(image), "link.tif"):
        (home / "bad.vrt").write_text(VRT.format(source=source))
        if source == "link.tif":
            os.symlink(image, home / "link.tif")
        with pytest.raises(FileError, match=r"bad\.vrt"):
            open_layers([home / "bad.vrt"])
        assert "bad.vrt" in open_layers([home]).left_out


def test_two_hundred_tiles_at_once(live: Callable[..., Running], tmp_path: Path) -> None:
    """Each by a connection of its own."""
    data = np.random.default_rng(0).integers(0, 255, (3, 3700, 3600), dtype=np.uint8)
    running = live(put(tmp_path / "a.tif", data, grid(10), tiled=True, blockxsize=256, blockysize=256))
    query = "bands=1,2,3&limits=0:255,0:255,0:255"

    def ask(place: tuple[int, int]) -> int:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=120)
        cookie = {"Cookie": f"earthloom_{running.port}={running.token}"}
        connection.request("GET", f"/api/layers/0/tiles/4/{place[0]}/{place[1]}.png?{query}", headers=cookie)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    with ThreadPoolExecutor(200) as pool:
        assert list(pool.map(ask, [(x, y) for y in range(15) for x in range(15)][:200])) == [200] * 200
    assert running.stop() == 0


def test_it_listens_to_this_machine_alone_and_a_taken_port_is_said() -> None:
    listening = serve._listen(0)
    try:
        address, port = listening.getsockname()
        assert address == "127.0.0.1"
        listening.listen()
        with pytest.raises(EarthloomError, match=f"port {port}"):
            serve._listen(port)
    finally:
        listening.close()


def test_what_cannot_be_shown_is_one_line(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    for words, told in (
        (("view",), "no file"), (("view", tmp_path / "none.tif"), "does not exist"),
        (("view", tmp_path / "empty"), "no image"), (("view", tmp_path, "--port", "70000"), "70000"),
    ):  # fmt: skip
        if "--port" in words:
            put(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8), grid(10))
        done = cli(*words, "--no-browser")
        assert done.code == 2 and told in done.err and done.err.count("\n") == 1, done.err
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    done = cli("view", tmp_path, "--no-browser")
    assert done.code == 2 and "earthloom[view]" in done.err

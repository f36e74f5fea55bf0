"""What the documentation shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from earthloom.engine.fuse import fuse_array, fuse_whole
from earthloom.engine.scene import ArrayScene

from .contract.conftest import make_scene

ROOT = Path(__file__).resolve().parents[1]


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(), re.S)


def test_the_method_of_the_guide_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "guide_hpf.py").write_text(blocks("docs/add-a-method.md", "python")[0])
    sys.path.insert(0, str(tmp_path))
    try:
        from guide_hpf import Hpf  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    obs = make_scene()
    whole = fuse_whole(Hpf(), obs)
    np.testing.assert_allclose(fuse_array(Hpf(), ArrayScene(obs), 100).data, whole, atol=0.05)
    assert not np.allclose(whole, fuse_whole(Hpf(strength=0.5), obs))


def test_the_gallery_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/make_gallery.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"

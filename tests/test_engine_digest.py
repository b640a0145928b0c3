"""The key of everything that is kept of an engine's faces: it changes with each thing that decides a pixel, and with
nothing else."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_site import Site
from refusals import refused

import aubench
from aubench import discovery, source_digest
from aubench.engine_digest import engine_digest, engine_digests, engines_of
from aubench.files import content_digest

CARDS = """
from aubench import hookimpl
from aubench.assets_lookup import Asset
from aubench.component import Component, Config

class Options(Config):
    size: int = 8

@hookimpl
def aubench_renderers():
    return [
        Component("renderer", "dots", "dots", "dots.engine:Engine", Options, assets=(Asset("mesh", "a mesh", "git"),)),
        Component("renderer", "lines", "lines", "lines.engine:Engine", Options),
    ]
"""
ENGINE = '''
"""Dots."""
from typing import TYPE_CHECKING
from aubench.contracts import Drawn
from .brush import WIDTH

if TYPE_CHECKING:
    from aubench.metrics import icc

class Engine:
    size, differentiable = 8, False

    def __init__(self, config):
        self.config = config

    def draw(self, parameters, **rest):
        from aubench.drawing.raster import rasterise
        return rasterise
'''
SHARED = (
    "__init__.py",
    "contracts.py",
    "errors.py",
    "metrics.py",
    "parameters.py",
    "drawing/arrays.py",
    "drawing/raster.py",
)
Write = Callable[[str, str], None]


@pytest.fixture
def write(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Two engines in packages, an asset, and a copy of the core to change. Writes a file: a new one, or more of it."""
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AUBENCH_ASSET_MESH", str(tmp_path / "mesh"))
    core = Path(aubench.__file__).parent
    for name in SHARED:
        (tmp_path / "core" / "aubench" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(core / name, tmp_path / "core" / "aubench" / name)
    monkeypatch.setattr(source_digest, "CORE_FOLDER", tmp_path / "core")
    files = {
        "site/dots/__init__.py": CARDS, "site/dots/engine.py": ENGINE, "site/dots/brush.py": "WIDTH = 2\n",
        "site/dots/data/tints.bin": "tints", "site/lines/__init__.py": "", "site/lines/engine.py": ENGINE,
        "site/lines/brush.py": "WIDTH = 3\n", "mesh/a/neutral.obj": "v 0 0 0", "mesh/b/smile.obj": "v 1 0 0",
    }  # fmt: skip

    def append(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))

    for name, text in files.items():
        append(name, text)
    site.modules += ["dots", "dots.engine", "dots.brush", "lines", "lines.engine", "lines.brush"]
    site.distribution("dots", {"dots": "dots"})
    return append


DECIDES = [
    ("site/dots/engine.py", "\nSCALE = 2\n"),
    ("site/dots/brush.py", "\nWIDTH = 4\n"),
    ("site/dots/data/tints.bin", "more"),
    ("site/dots/new.py", ""),
    ("core/aubench/drawing/raster.py", "\nNEAR = 1\n"),
    ("core/aubench/contracts.py", "\nTEMPLATE = ()\n"),
    ("mesh/a/neutral.obj", "\nv 2 0 0"),
    ("mesh/new.obj", ""),
]
DOES_NOT = [
    ("site/dots/engine.py", '\n# a remark\n\n"""What was said above, at length."""\n'),
    ("site/dots/__pycache__/engine.cpython-311.pyc", "compiled"),
    ("site/dots/data/kernel.nbi", "compiled"),
    ("site/dots/.DS_Store", "x"),
    ("site/lines/engine.py", "\nSCALE = 2\n"),
    ("core/aubench/drawing/raster.py", "\n# a remark\n"),
    ("core/aubench/errors.py", "\nMORE = 1\n"),
    ("core/aubench/metrics.py", "\nMORE = 1\n"),
    ("mesh/.git/HEAD", "ref"),
]


@pytest.mark.parametrize("name", ["bdfm", "ict"])
@pytest.mark.parametrize("shared", ["engine", "raster", "shading", "sky", "alignment", "camera_effects", "variation"])
def test_what_our_engines_share_is_part_of_their_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, shared: str
) -> None:
    shutil.copytree(Path(aubench.__file__).parent / "drawing", tmp_path / "aubench" / "drawing")
    (tmp_path / "aubench" / "__init__.py").touch()
    monkeypatch.setattr(source_digest, "CORE_FOLDER", tmp_path)
    before = source_digest.source_digest(f"aubench_plugins.{name}.engine")
    with (tmp_path / "aubench" / "drawing" / f"{shared}.py").open("a") as file:
        file.write("\nMORE = 1\n")
    assert source_digest.source_digest(f"aubench_plugins.{name}.engine") != before


@pytest.mark.parametrize(("name", "text"), DECIDES, ids=lambda value: value.strip() or "empty")
def test_what_decides_a_pixel_makes_another_key(write: Write, name: str, text: str) -> None:
    before = engine_digest("dots")
    write(name, text)
    assert engine_digest("dots") != before


@pytest.mark.parametrize(("name", "text"), DOES_NOT, ids=lambda value: value.strip() or "empty")
def test_what_decides_no_pixel_makes_no_other_key(write: Write, name: str, text: str) -> None:
    before = engine_digest("dots")
    write(name, text)
    assert engine_digest("dots") == before


def test_an_asset_that_is_moved_or_touched_keeps_the_key(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine_digest("dots")
    os.utime(tmp_path / "mesh/a/neutral.obj", (1, 1))
    assert engine_digest("dots") == before
    (tmp_path / "mesh").rename(tmp_path / "elsewhere")
    with refused("asset-missing", tmp_path / "mesh"):
        engine_digest("dots")
    monkeypatch.setenv("AUBENCH_ASSET_MESH", str(tmp_path / "elsewhere"))
    assert engine_digest("dots") == before
    (tmp_path / "elsewhere/b/smile.obj").rename(tmp_path / "elsewhere/a/smile.obj")
    assert engine_digest("dots") != before


def test_files_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "large.bin"
    path.write_bytes(b"content")
    first = content_digest([path])
    with monkeypatch.context() as patch:
        patch.setattr("aubench.files.sha256_file", lambda path: pytest.fail(f"{path} was read again"))
        assert content_digest([path]) == first
    path.write_bytes(b"another")
    os.utime(path, (1, 1))
    assert content_digest([path]) != first


def test_an_engine_may_name_its_own_version(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("dots.engine")
    monkeypatch.setattr(module, "DIGEST", "dots-1", raising=False)
    assert engine_digest("lines") != "dots-1"
    named = engine_digest("dots")
    write("site/dots/engine.py", "\nSCALE = 2\n")
    assert engine_digest("dots") == named  # the constant stands for the code,
    write("mesh/new.obj", "")
    assert engine_digest("dots") != named  # not for what the user brings
    monkeypatch.setattr(module.Engine, "digest", property(lambda self: f"of {self.config.size}"), raising=False)
    assert engine_digest("dots", {"size": 9}) == "of 9"
    monkeypatch.setattr(module.Engine, "digest", 3, raising=False)
    with refused("plugin-invalid", "dots"):
        engine_digest("dots")


def test_an_engine_that_an_option_names_is_found(write: Write, site: Site) -> None:
    site.plugin(
        "film",
        """
        from typing import ClassVar
        class Film(Config):
            engines: ClassVar[tuple[str, ...]] = ("engine",)
            engine: str = "dots"
            engine_config: dict[str, object] = {"size": 9}

        @hookimpl
        def aubench_datasets():
            return [Component("dataset", "film", "a film", "film:Film", Film)]
        """,
    )
    card = discovery.find("dataset", "film")
    assert engines_of(card) == [("dots", {"size": 9})]
    found = engine_digests([(card, {"engine": "lines", "engine_config": {}}), (discovery.find("renderer", "dots"), {})])
    assert found == {"dots": engine_digest("dots"), "lines": engine_digest("lines")}


def test_code_without_its_remarks_is_still_all_of_the_code() -> None:
    source = b'''"""About."""
import x  # why

def f(a,  # the first
      # and

      b):
    """About f.

    # no remark
    """  # noqa
    text = """kept
# kept

kept"""
    return (
        text  # why
    )
'''
    wanted = (
        b'import x\ndef f(a,\n      b):\n    text = """kept\n# kept\n\nkept"""\n    return (\n        text\n    )\n'
    )
    assert source_digest.code_only(source) == wanted
    assert source_digest.code_only(b"def broken(:") == b"def broken(:"

"""What tests share. A test never meets what happens to be installed unless it says so: see ``site``."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from aubench import discovery, registry

# Several test processes share few cores; set before a test imports torch or numba.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

CARDS = """
from aubench import hookimpl
from aubench.component import Component, Config
"""


class Site:
    """A folder of installed distributions that stands for the whole environment during a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def module(self, name: str, source: str) -> str:
        """Put a module there; the names that a file of cards needs are imported in front of it."""
        (self.folder / f"{name}.py").write_text(CARDS + textwrap.dedent(source), "utf-8")
        self.modules.append(name)
        importlib.invalidate_caches()
        return name

    def distribution(self, name: str, points: dict[str, str], version: str = "1.0") -> None:
        """Install a distribution with these entry points of the group ``aubench``."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
        lines = "".join(f"{point} = {value}\n" for point, value in points.items())
        (info / "entry_points.txt").write_text(f"[aubench]\n{lines}", "utf-8")
        discovery.forget()

    def plugin(self, module: str, source: str, point: str = "", distribution: str = "") -> None:
        """A module of cards, and a distribution that offers it."""
        self.module(module, source)
        self.distribution(distribution or module.replace("_", "-"), {point or module: module})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An environment in which no plugin is installed, to install some into."""
    folder = tmp_path / "site"
    folder.mkdir()
    here = Site(folder)

    def entry_points(group: str) -> list[importlib.metadata.EntryPoint]:
        found = importlib.metadata.distributions(path=[str(folder)])
        return [point for each in found for point in each.entry_points if point.group == group]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.delenv(discovery.VARIABLE, raising=False)
    monkeypatch.delenv(registry.VARIABLE, raising=False)
    monkeypatch.setattr(registry, "OWN", ())
    monkeypatch.syspath_prepend(str(folder))
    discovery.forget()
    yield here
    for name in here.modules:
        sys.modules.pop(name, None)
    discovery.forget()

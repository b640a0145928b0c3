"""Installed distributions that stand for the whole environment during a test: what the fixture ``site`` gives."""

from __future__ import annotations

import importlib
import textwrap
from pathlib import Path

from aubench import discovery

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

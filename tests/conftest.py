"""What tests share. A test never meets what happens to be installed unless it says so: see ``site``."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_site import Site

from aubench import discovery, registry

# Several test processes share few cores; set before a test imports torch or numba.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# A job in the background of a shell starts with SIGINT ignored, which its children would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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

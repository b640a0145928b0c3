"""A finished run of tiny plugins, made once, as files."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aubench import discovery
from aubench_training.config import check
from aubench_training.trainer import train

CONFIG: dict[str, Any] = {
    "recipe": "tiny", "extractor": {"name": "tiny"}, "regressor": {"name": "tiny"}, "renderer": {"name": "tiny"},
    "engine": {"name": "tiny"}, "recogniser": {"name": "tiny"}, "datasets": [{"name": "tiny", "config": {"seed": 7}}],
    "losses": {"ct": 1.0, "id": 0.1, "lp": 0.1}, "additions": {"loopback_first": True}, "sampled": {"count": 16,
    "held_out": 4},
    "loopback": {"steps": 2, "batch": 1, "sampled_batch": 4, "learning_rate": 0.01},
    "label_free": {"steps": 2, "batch": 4, "learning_rate": 0.01}, "baselines": ["tiny"], "checkpoint_every": 2,
    "seed": 3,
}  # fmt: skip


@contextmanager
def tiny_plugins() -> Iterator[None]:
    """The tests' own plugins are found inside."""
    before = os.environ.get(discovery.VARIABLE)
    os.environ[discovery.VARIABLE] = "tiny_parts"
    discovery.forget()
    try:
        yield
    finally:
        os.environ.pop(discovery.VARIABLE)
        if before is not None:
            os.environ[discovery.VARIABLE] = before
        discovery.forget()


@functools.cache
def finished_run() -> dict[str, bytes]:
    """The files of its folder by name."""
    with tempfile.TemporaryDirectory() as folder, tiny_plugins():
        out = Path(folder) / "run"
        train(check(CONFIG), out, cache=Path(folder) / "cache", tensorboard=False)
        files = {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    return {name: data for name, data in files.items() if len(data) < 500_000 and not name.endswith((".lock", ".png"))}

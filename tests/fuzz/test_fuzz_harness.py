"""The harness itself: what it would say of a reader that breaks each promise, and that undamaged files are read."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import guarded
import mutation
import numpy as np
import pytest
import test_fuzz_datasets as datasets
import test_fuzz_images as images
import test_fuzz_tables as tables
import test_fuzz_videos as videos
import test_fuzz_weights as weights
import test_fuzz_yaml as yamls
from finished_run import finished_run
from guarded import MARKER, Answer, Child, judge

from aubench.errors import UserError

GOOD: dict[str, Callable[[], tuple[Callable[[Any, Path], object], Any]]] = {
    "picture": lambda: (images.test_pictures.reading, (images.png(40, 40, rows=40), ".png")),
    "video": lambda: (videos.test_videos.reading, next(each for each in videos.written() if each[0] == ".mp4")),
    "openface": lambda: (
        tables.test_predictions.reading,
        (tables.OPENFACE.encode(), "SN001.csv", tables.Options(), True),
    ),
    "labels": lambda: (
        datasets.test_label_files.reading,
        ("disfa", name := "ActionUnit_Labels/SN001/SN001_au1.txt", datasets.tree("disfa")[name]),
    ),
    "registry": lambda: (yamls.test_registries.reading, yamls.REGISTRY.encode()),
    "recipe": lambda: (yamls.test_recipes.reading, yamls.RECIPE.encode()),
    "splits": lambda: (yamls.test_splits.reading, yamls.SPLITS.encode()),
    "weights": lambda: (weights.test_weights.reading, (weights.files()[0], ".safetensors")),
    "run": lambda: (weights.test_run_folders.reading, ("truth.csv", finished_run()["truth.csv"])),
}


def _hangs(given: Any, folder: Path) -> None:
    while True:
        pass


def _crashes(given: Any, folder: Path) -> None:
    ctypes.string_at(0)


def _eats(given: Any, folder: Path) -> None:
    np.zeros(2 * guarded.ROOM, np.uint8)


def _runs(given: Any, folder: Path) -> None:
    os.system(f"touch {MARKER}")


def _leaves(given: Any, folder: Path) -> None:
    os._exit(3)


def _errs(given: Any, folder: Path) -> None:
    raise ValueError("of no use to a user")


def _is_wrong(given: Any, folder: Path) -> None:
    assert given == 2


def _refuses(given: Any, folder: Path) -> None:
    raise UserError("no", code="file-damaged")


def _refuses_without_code(given: Any, folder: Path) -> None:
    raise UserError("no")


def _full(given: Any, folder: Path) -> None:
    raise OSError(28, "No space left on device")


EXPECTED = {
    _hangs: "hang", _crashes: "death", _eats: "failed", _runs: "payload", _leaves: "death", _errs: "failed",
    _is_wrong: "wrong",
    _refuses: "refused", _refuses_without_code: "uncoded", _full: "refused",
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Iterator[Child]:
    reader = Child({function.__name__: function for function in EXPECTED}, lambda: None)
    yield reader
    reader.close()


@pytest.mark.parametrize("function", EXPECTED, ids=lambda function: function.__name__)
def test_every_broken_promise_is_told(
    small: Child, function: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "CPU_LIMIT_S", 0.3)
    answer = small.read(function.__name__, 1)
    assert answer.kind == EXPECTED[function], answer
    assert answer.bad == (answer.kind != "refused")


@pytest.mark.parametrize("name", GOOD)
def test_an_undamaged_file_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: None) -> None:
    monkeypatch.chdir(tmp_path)
    function, given = GOOD[name]()
    assert judge(function, given, tmp_path) == Answer("ok")


def test_damage_is_the_same_every_time_and_changes_something() -> None:
    edits = [("flip", True, 5, 3), ("insert", False, 40, 1), ("cut", False, 90, 0)]
    assert mutation._apply(b"x" * 100, edits) == mutation._apply(b"x" * 100, edits) != b"x" * 100

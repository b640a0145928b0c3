"""Original folders of every data set with one damaged file, and prepared stores: labels, landmarks, notes, cards."""

from __future__ import annotations

import functools
import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from fuzzing import fuzzed, read_by
from hypothesis import strategies as st
from mutation import any_damage, damaged, damaged_text, junk
from readers import build

from aubench.data.check import check
from aubench.data.frame_store import FrameStore
from aubench.data.making import Making
from aubench.data.matlab import NoPoints
from aubench.data.prepare import prepare
from aubench.data.records import State
from aubench_plugins.bp4d import Bp4dConfig
from aubench_plugins.bp4d.points import read_points as read_bp4d
from aubench_plugins.bp4d.reader import Bp4dReader
from aubench_plugins.ckplus import CkPlusConfig
from aubench_plugins.ckplus.reader import CkPlusReader
from aubench_plugins.disfa import DisfaConfig
from aubench_plugins.disfa.points import read_points as read_disfa
from aubench_plugins.disfa.reader import DisfaReader
from aubench_plugins.disfaplus import DisfaPlusConfig
from aubench_plugins.disfaplus.reader import DisfaPlusReader
from aubench_plugins.facewarehouse import FaceWarehouseConfig
from aubench_plugins.facewarehouse.reader import FaceWarehouseReader
from aubench_plugins.folder import FolderConfig
from aubench_plugins.folder.reader import FolderReader
from aubench_plugins.mmi import MmiConfig
from aubench_plugins.mmi.reader import MmiReader

Tree = dict[str, bytes]
READERS: dict[str, Callable[[], Any]] = {
    "disfa": lambda: DisfaReader(DisfaConfig()),
    "disfaplus": lambda: DisfaPlusReader(DisfaPlusConfig()),
    "bp4d": lambda: Bp4dReader(Bp4dConfig(occurrence=True)),
    "ckplus": lambda: CkPlusReader(CkPlusConfig()),
    "mmi": lambda: MmiReader(MmiConfig()),
    "facewarehouse": lambda: FaceWarehouseReader(FaceWarehouseConfig()),
    "folder": lambda: FolderReader(FolderConfig()),
}
PLAIN = (".txt", ".csv", ".xml", ".land")


def _bp4d(root: Path) -> None:
    build.bp4d(root, ("F001",), ("T1",), frames=4)
    build.bp4d_points(root, "F001", "T1", range(8, 12), structure=True)


def _mmi(root: Path) -> None:
    build.mmi(root, "1", "S001-001", coding=build.unit("12", (1, 1), (4, 2), (8, 3), (11, 4)), frames=12)


def _folder(root: Path) -> None:
    build.folder(root, 3)
    build.write(
        root / "labels.csv",
        "file,frame,subject,AU01,AU12\nalice/clip.mp4,1,alice,0,5\nalice/clip.mp4,2,,nan,present\nbob/001.png,,bob,2,1.5\n",
    )


MAKERS: dict[str, Callable[[Path], object]] = {
    "disfa": lambda root: build.disfa(root, ("SN001",), 4),
    "disfaplus": lambda root: build.disfaplus(root, ("SN001",), 3),
    "bp4d": _bp4d,
    "ckplus": lambda root: build.ckplus(root, (("S005", "001"),), 3),
    "mmi": _mmi,
    "facewarehouse": lambda root: build.facewarehouse(root, ("Tester_1",), 3),
    "folder": _folder,
}


def _files(root: Path) -> Tree:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@functools.cache
def tree(name: str) -> Tree:
    """A miniature of a data set."""
    with tempfile.TemporaryDirectory() as folder:
        MAKERS[name](Path(folder))
        return _files(Path(folder))


def _put(files: Tree, root: Path) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _one_damaged(
    names: tuple[str, ...], suffixes: tuple[str, ...] = PLAIN
) -> st.SearchStrategy[tuple[str, str, bytes]]:
    """Data set, file, and what stands in it instead."""

    def of(name: str) -> st.SearchStrategy[tuple[str, str, bytes]]:
        files = [file for file in tree(name) if file.endswith(suffixes)]
        return st.sampled_from(files).flatmap(
            lambda f: st.tuples(
                st.just(name), st.just(f), st.one_of(any_damage([tree(name)[f]]), any_damage([tree(name)[f]]), junk())
            )
        )

    return st.sampled_from(names).flatmap(of)


def _check(name: str, root: Path) -> None:
    reader = READERS[name]()
    scan = check(reader, root)
    for recording in scan.recordings:
        known = recording.values[recording.states == State.VALUE]
        assert np.isfinite(known).all()
        assert not known.size or (known.min() >= 0 and known.max() <= 5)
        assert (recording.frames >= 0).all()
    for problem in scan.problems[:200]:
        str(problem)


_LABELS = _one_damaged(tuple(READERS))


@fuzzed(_LABELS, examples=130)
def test_label_files(given: tuple[str, str, bytes], folder: Path) -> None:
    name, file, data = given
    root = folder / "root"
    _put({**tree(name), file: data}, root)
    _check(name, root)


_NUMBERS = ("9" * 15, "9" * 19, "9" * 40, "9" * 180, "0", "00", "", "²", "١", "-1", "1e3", " 1", "1.0", "2147483648")


@fuzzed(
    st.sampled_from(tuple(READERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(sorted(tree(name))), st.sampled_from(_NUMBERS))
    ),
    examples=25,
)
def test_names_of_files(given: tuple[str, str, str], folder: Path) -> None:
    """A number in the name of a file, or of its folder, that no frame, subject or sequence has."""
    name, file, number = given
    place = re.search(r"\d+(?=\D*$)", file) if len(number) % 2 else re.search(r"\d+", file)
    renamed = file if place is None else file[: place.start()] + number + file[place.end() :]
    root = folder / "root"
    _put({**tree(name), renamed: tree(name)[file]}, root)
    _check(name, root)


HUGE = [
    f"{line}\n".encode() for line in ("1000000060,0", "1,0\n1000000060,0", "1" * 5000 + ",0", "1,0\n2147483648,0",
    "9" * 18 + ",1", "9" * 19 + ",1", "9" * 40 + ",1", "-5,1", "1e30,1", "1e300,0", "nan,1", "inf,1", "1,inf")
]  # fmt: skip
_HUGE = st.sampled_from(("disfa", "bp4d", "folder", "ckplus", "mmi", "disfaplus")).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.sampled_from([f for f in tree(name) if f.endswith(PLAIN)]),
        st.one_of(st.sampled_from(HUGE), damaged_text([h.decode() for h in HUGE])),
    )
)


@fuzzed(_HUGE, examples=25)
def test_huge_numbers_in_label_files(given: tuple[str, str, bytes], folder: Path) -> None:
    name, file, data = given
    root = folder / "root"
    _put({**tree(name), file: tree(name)[file] + b"\n" + data if len(data) % 2 else data}, root)
    _check(name, root)


_ANY_FILE = _one_damaged(tuple(READERS), (*PLAIN, ".jpg", ".png", ".avi", ".mp4", ".mat"))


@fuzzed(_ANY_FILE, examples=15)
def test_preparing_damaged_folders(given: tuple[str, str, bytes], folder: Path) -> None:
    name, file, data = given
    root = folder / "root"
    _put({**tree(name), file: data}, root)
    making = Making(32, "auto", "jpeg")
    store = prepare(READERS[name](), root, folder / "stores", making, max_lost=1.0, workers=1)
    assert not store.verify()


# --- landmarks in MATLAB files ----------------------------------------------------------------------------------------


@functools.cache
def _mats() -> tuple[bytes, ...]:
    points = np.arange(132.0).reshape(66, 2)
    rows = np.zeros(2, dtype=[("frame", object), ("pts_2d", object)])
    for row in range(2):
        rows[row] = (row + 8, np.arange(98.0).reshape(49, 2))
    found = []
    for values in (
        {"pts": points}, {"pts": points.T}, {"pts": points.astype(np.float32)}, {"pts": points.astype(np.int16)},
        {"fit": rows},
        {"pts": np.arange(98.0).reshape(49, 2), "name": "x", "cells": np.array([1, "a", points], dtype=object),
        "s": {"a": {"b": points}}},
        {"pts": scipy.sparse.csr_matrix(points)}, {"pts": np.full((66, 2), np.nan)}, {"pts": points + 1j},
        {"pts": np.zeros((0, 2))},
    ):  # fmt: skip
        for options in ({}, {"do_compression": True}, {"format": "4"}):
            file = io.BytesIO()
            try:
                scipy.io.savemat(file, values, **options)
            except (TypeError, ValueError, AttributeError, NotImplementedError):
                continue
            found.append(file.getvalue())
    return tuple(found)


@fuzzed(
    st.deferred(
        lambda: st.one_of(damaged(_mats()), damaged(_mats()), damaged(_mats(), 2), st.sampled_from(_mats()), junk())
    ),
    examples=150,
)
def test_matlab_files(data: bytes, folder: Path) -> None:
    path = folder / "points.mat"
    path.write_bytes(data)
    try:
        points = read_disfa(path)
        assert points.shape == (66, 2)
        assert np.isfinite(points).all()
    except NoPoints:
        pass
    for by_order in (True, False):
        try:
            found = read_bp4d(path, (8, 9), by_order)
            assert all(points.shape == (49, 2) and np.isfinite(points).all() for points in found.values())
        except NoPoints:
            pass


# --- prepared stores --------------------------------------------------------------------------------------------------


@functools.cache
def _store() -> Tree:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        build.disfa(root, ("SN001",), 4)
        store = prepare(READERS["disfa"](), root, Path(folder) / "stores", Making(32, "auto", "jpeg"), workers=1)
        files = _files(store.folder)
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3))
    _ARCHIVE.append(buffer.getvalue())
    return {name: data for name, data in files.items() if ".lock" not in name}


_ARCHIVE: list[bytes] = []
_STORED = st.deferred(
    lambda: st.sampled_from(sorted(_store())).flatmap(
        lambda name: st.tuples(
            st.just(name),
            st.one_of(
                damaged([_store()[name] or b"\0"]),
                any_damage([_store()[name] or b"\0"]),
                junk(),
                st.sampled_from(_ARCHIVE),
            ),
        )
    )
)


@fuzzed(_STORED, examples=60)
def test_prepared_stores(given: tuple[str, bytes], folder: Path) -> None:
    name, data = given
    root = folder / "store"
    _put({**_store(), name: data}, root)
    everything = np.array([0])

    def pixels() -> None:
        stack = np.asarray(FrameStore(root).stack(everything))
        assert stack.shape[1:] == (32, 32, 3)

    def labels() -> None:
        store = FrameStore(root)
        values, states = store.values(everything), store.states(everything)
        assert values.shape == states.shape
        known = values[np.isfinite(values)]
        assert not np.isinf(values).any()
        assert not known.size or (known.min() >= 0 and known.max() <= 5), "labels off the scale"

    read_by(
        lambda: FrameStore(root).verify(), pixels, labels, lambda: FrameStore(root).landmarks(everything),
        lambda: FrameStore(root).entries(everything, "points"),
    )  # fmt: skip

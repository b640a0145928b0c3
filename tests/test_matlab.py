"""MATLAB files as scipy writes them, and damaged in every place."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from aubench.data import matlab
from aubench.data.matlab import NoPoints, load_mat

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(66, 2))
RECORDS = np.array([(i, RNG.normal(size=(49, 2))) for i in (1, 2, 5)], [("frame", object), ("points", object)])


@pytest.mark.parametrize("options", [{"format": "4"}, {"format": "5"}, {"do_compression": True}])
@pytest.mark.parametrize(
    "value",
    [
        POINTS, POINTS.astype(np.float32), np.arange(12, dtype=np.int16).reshape(3, 4), np.array([[7.0]]),
        np.arange(6, dtype=np.uint8).reshape(2, 3), np.empty((0, 2)),
    ],
)  # fmt: skip
def test_numbers_are_read_as_scipy_reads_them(tmp_path: Path, options: dict[str, Any], value: np.ndarray) -> None:
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"text": "words", "pts": value, "z": np.array([[1j]])}, **options)
    found = load_mat(path)
    assert list(found) == ["pts"]
    np.testing.assert_array_equal(found["pts"], scipy.io.loadmat(path)["pts"])
    np.testing.assert_array_equal(load_mat(path, squeeze=True)["pts"], value.squeeze())


@pytest.mark.parametrize("compressed", [False, True])
def test_structures_are_read_as_scipy_reads_them(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "x.mat"
    cube, fit = RNG.normal(size=(2, 3, 4)), {"frames": [[1, 2]], "text": "words", "inner": {"x": 1}}
    scipy.io.savemat(path, {"rows": RECORDS, "cube": cube, "fit": fit}, do_compression=compressed)
    found, theirs = load_mat(path, squeeze=True), scipy.io.loadmat(path, squeeze_me=True)
    np.testing.assert_array_equal(found["cube"], theirs["cube"])
    assert found["rows"].shape == theirs["rows"].shape == (3,)
    for mine, other in zip(found["rows"], theirs["rows"], strict=True):
        assert mine["frame"] == other["frame"]
        np.testing.assert_array_equal(mine["points"], other["points"])
    np.testing.assert_array_equal(found["fit"]["frames"].item(), [1, 2])
    assert found["fit"]["text"].item() is None
    assert found["fit"]["inner"].item()["x"].item() == 1


def test_big_endian_files_of_version_4(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    header = np.array([1000, 66, 2, 0, 4], ">i4").tobytes()
    path.write_bytes(header + b"pts\0" + np.asfortranarray(POINTS).astype(">f8").tobytes(order="F"))
    np.testing.assert_array_equal(load_mat(path)["pts"], POINTS)


@pytest.mark.parametrize("options", [{"format": "4"}, {"format": "5"}, {"do_compression": True}])
def test_no_damage_ends_the_process(tmp_path: Path, options: dict[str, Any]) -> None:
    """scipy died of some of these by SIGSEGV, SIGBUS or for want of memory."""
    path = tmp_path / "x.mat"
    rows = {} if options.get("format") == "4" else {"rows": RECORDS[:2]}
    scipy.io.savemat(path, {"pts": POINTS, **rows}, **options)
    data = path.read_bytes()
    rng = np.random.default_rng(1)
    for case in range(600):
        torn = bytearray(data)
        if case % 3 == 0:
            torn = torn[: rng.integers(len(torn))]
        else:
            reach = min(len(torn), 360 if case % 3 == 1 else len(torn))
            for at in rng.integers(reach, size=1 + case % 4):
                torn[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)])
        path.write_bytes(torn)
        with contextlib.suppress(NoPoints):  # anything else ends the test
            load_mat(path, squeeze=bool(case % 2))


def test_files_that_are_none_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.mat"
    for content in (b"", b"1,2,3\n" * 50, b"\x89HDF\r\n\x1a\n" + bytes(600), bytes(200)):
        path.write_bytes(content)
        with contextlib.suppress(NoPoints):
            assert load_mat(path) == {}
    scipy.io.savemat(path, {"x": np.zeros((1000, 1000))}, do_compression=True)
    monkeypatch.setattr(matlab, "LARGEST", 100_000)
    with pytest.raises(NoPoints):
        load_mat(path)  # 8 MB packed into 8 kB

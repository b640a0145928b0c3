"""Files of arrays, whole and damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from aubench.arrays import load_array
from aubench.compare.method import _parameters
from aubench.data.crops import CropFile
from aubench.data.labels import load_labels


def test_arrays_are_read(tmp_path: Path) -> None:
    for shape in ((3, 2), (0, 2), ()):
        np.save(tmp_path / "a.npy", np.ones(shape))
        np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), np.ones(shape))
    np.save(tmp_path / "a.npy", np.arange(3))
    assert not load_array(tmp_path / "a.npy", mapped=True).flags.writeable
    with pytest.raises(FileNotFoundError):
        load_array(tmp_path / "b.npy")


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.npy"
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    shutil.move(tmp_path / "a.npz", path)
    readers = (load_labels, lambda file: CropFile(file.parent, "raw", 8).index)
    for read in readers:
        with refused("file-damaged", path):
            read(path)
    np.save(path, np.arange(1000))
    data = path.read_bytes()
    lies = [data[:50], data[:900], b"", b"PK\x03\x04", data.replace(b"(1000,)", b"(10**9,)"[:7].ljust(7))]
    lies += [data.replace(b"(1000,)", shape) for shape in (b"(9999,)", b"9" * 7, b"((((((,", b"(-1000,")]
    lies += [data.replace(b"'<i8'", dtype) for dtype in (b"'|O8'", b"'zz8'", b"((((,")]
    for lie in lies:
        path.write_bytes(lie)
        for read in readers:
            with refused("file-damaged", path):
                read(path)


def test_the_size_of_a_model_is_counted_from_its_header_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    headers = {
        b'{"a": {"dtype": "F32", "shape": [2, 3]}, "__metadata__": {}}': 6,
        b"[" * 50_000: None,
        b"[1]": None,
        b'{"a": 3}': None,
        b'{"a": {"dtype": "F32"}}': None,
        b'{"a": {"dtype": "F32", "shape": ["x", 2]}}': None,
        b'{"a": {"dtype": ["F32"], "shape": [2]}}': 0,
    }
    for header, count in headers.items():
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        assert _parameters(path) == count, header

"""Weights and run folders: safetensors, torch files old and new, pickles with a payload, .npy, .npz, JSON of ours."""

from __future__ import annotations

import functools
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from finished_run import finished_run, tiny_plugins
from fuzzing import command, fuzzed, read_by
from guarded import MARKER
from hypothesis import strategies as st
from mutation import any_damage, changed, damaged, junk
from torch import nn

from aubench import weights
from aubench.combination import Choice, Combination
from aubench.compare.method import _parameters
from aubench.compare.runs import open_run
from aubench.data.labels import load_labels
from aubench.foreign import convert
from aubench.predict.mtcnn import read_arrays
from aubench.registry import Registry, Weights
from aubench_training.checkpoint import read_state
from aubench_training.config import load_config
from aubench_training.runner.summary import scores

ENTRY = Weights(file="x", url="https://example.org/x", licence="MIT", fits="tiny", network="extractor tiny")


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


class Payload:
    """Leaves a file where it is unpickled."""

    def __init__(self, how: int = 0) -> None:
        self.how = how

    def __reduce__(self) -> tuple[Any, ...]:
        import os
        import subprocess

        code = f"open('{MARKER}', 'w').close()"
        return ((os.system, (f"touch {MARKER}",)), (exec, (code,)), (eval, (code,)), (subprocess.getoutput,
        (f"touch {MARKER}",)))[self.how]  # fmt: skip


def _saved(content: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


@functools.cache
def files() -> tuple[bytes, ...]:
    """Good files and hostile ones."""
    state = network().state_dict()
    awkward: dict[str, Any] = {
        "sparse": torch.eye(3).to_sparse(), "meta": torch.zeros(2, 2, device="meta"),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "complex": torch.zeros(2,
        dtype=torch.complex64),
        "nan": torch.full((2,), float("nan")), "empty": torch.zeros(0), "scalar": torch.tensor(1.0),
        "half": torch.zeros(2, dtype=torch.float16), "int": torch.zeros(2, dtype=torch.int64), "bool": torch.zeros(2,
        dtype=torch.bool),
    }  # fmt: skip
    found = [
        safetensors.torch.save(state),
        safetensors.torch.save(state, {"config": '{"view": [1]}', "licence": "x", "state": "{}"}),
    ]
    for content in (
        state,
        {"state_dict": state, "epoch": 3},
        {"model": {f"module.{k}": v for k, v in state.items()}},
        [1, 2],
        {},
        {"x": 1},
        {1: torch.ones(2)},
        torch.ones(3),
        nn.Parameter(torch.ones(2)),
        {"a": {"b": torch.ones(2)}},
    ):
        found += [_saved(content), _saved(content, _use_new_zipfile_serialization=False)]
    for name, tensor in awkward.items():
        for content in ({name: tensor}, {**state, "0.weight": tensor}):
            for new in (True, False):
                try:
                    found.append(_saved(content, _use_new_zipfile_serialization=new))
                except (RuntimeError, TypeError, NotImplementedError):
                    continue
    for tensors in (
        {"0.weight": torch.full((4, 3, 3, 3), float("inf"))},
        {k: v.to(torch.float64) for k, v in state.items()},
        {k: v.to(torch.bfloat16) for k, v in state.items()},
        {"é" * 50: torch.ones(1)},
        {},
    ):
        found.append(safetensors.torch.save(tensors))
    return tuple(found)


@functools.cache
def payloads() -> tuple[bytes, ...]:
    """Pickles that leave a file behind if anything loads them as code, in every wrapping."""
    found: list[bytes] = []
    for how in range(4):
        bad = Payload(how)
        for protocol in (0, 2, 4):
            found += [pickle.dumps(bad, protocol), pickle.dumps({"state_dict": bad}, protocol)]
        found += [
            _saved({"x": bad}),
            _saved({"x": bad}, _use_new_zipfile_serialization=False),
            _saved({**network().state_dict(), "x": bad}),
        ]
        array = io.BytesIO()
        np.save(array, np.array([bad], dtype=object), allow_pickle=True)
        archive = io.BytesIO()
        np.savez(archive, a=np.array([bad], dtype=object))
        found += [array.getvalue(), archive.getvalue()]
        import lz4.frame

        found.append(lz4.frame.compress(pickle.dumps([bad])))
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), script)
    found.append(script.getvalue())
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as file:
        file.writestr(f"../{MARKER}", b"x")
        file.writestr(f"archive/../../{MARKER}", b"x")
        file.writestr("archive/data.pkl", pickle.dumps(Payload(1), 2))
    return (*found, outside.getvalue())


def _headers() -> st.SearchStrategy[bytes]:
    """safetensors files whose header says something odd."""
    base = {
        "0.weight": {"dtype": "F32", "shape": [4, 3, 3, 3], "data_offsets": [0, 432]}, "0.bias": {"dtype": "F32",
        "shape": [4], "data_offsets": [432, 448]},
        "__metadata__": {"config": "{}", "licence": "x"},
    }  # fmt: skip

    def whole(header: bytes, length: int | None = None) -> bytes:
        return struct.pack("<Q", len(header) if length is None else length) + header + bytes(448)

    odd = (b"{" * 2000, b"[" * 2000, b'{"a":' * 3000, b'{"x": 1}', b'{"x": {"dtype": "F32"}}',
    b'{"x": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}', b'{"x": null}', b"{}", b'{"\xff\xfe": 1}',
    b'{"\\ud800": 1}', b"null", b"[]")  # fmt: skip
    trees = changed(base).map(lambda tree: whole(json.dumps(tree).encode("utf-8", "replace")))
    lengths = st.sampled_from((0, 1, 7, 1 << 20, 10**8, 10**8 + 1, 1 << 62, (1 << 64) - 1)).map(
        lambda n: whole(json.dumps(base).encode(), n)
    )
    return st.one_of(trees, trees, lengths, st.sampled_from(odd).map(whole))


_SUFFIXES = (".pth", ".safetensors", ".pt", ".bin", ".npy", ".lz4", "")
_WEIGHTS = st.deferred(
    lambda: st.one_of(
        damaged(files()),
        damaged(files()),
        damaged(files(), 2),
        st.sampled_from(files()),
        _headers(),
        _headers(),
        junk(),
        st.sampled_from(payloads()),
        damaged(payloads(), 2),
    )
)


@fuzzed(st.tuples(_WEIGHTS, st.sampled_from(_SUFFIXES)), examples=140)
def test_weights(given: tuple[bytes, str], folder: Path) -> None:
    data, suffix = given
    path = folder / f"weights{suffix}"
    path.write_bytes(data)

    def into() -> None:
        module = network()
        weights.load_into(module, path)
        assert all(
            torch.isfinite(tensor).all() for tensor in module.state_dict().values() if tensor.is_floating_point()
        )

    def added() -> None:
        import os

        os.environ["AUBENCH_CACHE"] = str(folder / "cache")
        convert(Registry(), "mine", ENTRY, path)

    _parameters(path)
    read_by(
        lambda: weights.read(path), lambda: weights.header(path), lambda: weights.form_of(path), into, added,
        lambda: read_state(path),
        lambda: load_labels(path), lambda: read_arrays(path),
    )  # fmt: skip


@functools.cache
def _model() -> dict[str, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, tiny_plugins():
        Combination(Choice("tiny"), Choice("tiny"), size=16, renderer=Choice("tiny")).save(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _damaged_model() -> st.SearchStrategy[tuple[bytes, bytes]]:
    card, tensors = _model()["model.json"], _model()["model.safetensors"]
    cards = st.one_of(
        changed(json.loads(card)).map(lambda t: json.dumps(t).encode("utf-8", "replace")),
        any_damage([card]),
        st.sampled_from((b"[" * 5000, b"{}", b"[]", b"null", b"1" * 5000)),
    )
    return st.one_of(
        st.tuples(cards, st.just(tensors)),
        st.tuples(cards, st.just(tensors)),
        st.tuples(st.just(card), damaged([tensors], 3)),
        st.tuples(st.just(card), st.deferred(lambda: st.sampled_from(payloads()))),
    )


@fuzzed(st.deferred(_damaged_model), examples=80)
def test_models(given: tuple[bytes, bytes], folder: Path) -> None:
    card, tensors = given
    (folder / "model.json").write_bytes(card)
    (folder / "model.safetensors").write_bytes(tensors)
    model = Combination.load(folder)
    read = model.predict(np.full((2, 16, 16, 3), 90, np.uint8))
    assert torch.isfinite(read.vector()).all(), "numbers that are not finite"
    if tensors != _model()["model.safetensors"]:
        # A flipped bit in the weights must not pass as another model: the hash on record is another one.
        raise AssertionError("altered weights were loaded without a word")


_RUN_FILES = (
    "config.yaml",
    "report.json",
    "environment.json",
    "predictions.csv",
    "truth.csv",
    "baselines/about.json",
    "model.json",
    "model.safetensors",
    "baselines/tiny.csv",
)


def _damaged_run() -> st.SearchStrategy[tuple[str, bytes]]:
    run = finished_run()

    def of(name: str) -> st.SearchStrategy[tuple[str, bytes]]:
        data = run[name]
        if name.endswith(".json"):
            trees = changed(json.loads(data)).map(lambda tree: json.dumps(tree).encode("utf-8", "replace"))
            return st.tuples(st.just(name), st.one_of(trees, trees, any_damage([data]), junk()))
        return st.tuples(
            st.just(name), damaged([data]) if name.endswith(".safetensors") else st.one_of(any_damage([data]), junk())
        )

    return st.sampled_from([name for name in _RUN_FILES if name in run]).flatmap(of)


@fuzzed(st.deferred(_damaged_run), examples=12)
def test_run_folders(given: tuple[str, bytes], folder: Path) -> None:
    name, data = given
    out = folder / "runs" / "one"
    for file, content in {**finished_run(), name: data}.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    checkpoints = sorted(out.glob("checkpoints/*"))
    read_by(
        lambda: command("compare", "--datasets", "tiny", "--draws", "100", "--out", str(folder / "page"), str(out)),
        lambda: open_run(out) and None,
        lambda: load_config(out / "config.yaml") and None, lambda: scores(out) and None,
        lambda: [read_state(path) for path in checkpoints] and None,
    )  # fmt: skip

"""Files are written whole or not at all; weights are read only where reading cannot run code."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from refusals import refused
from torch import nn

import aubench_plugins
from aubench import files, shipped, weights
from aubench.errors import UserError
from aubench.frozen import Frozen


class Net(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, width, 3)
        self.bn = nn.BatchNorm2d(width)


def filled(seed: int = 0, width: int = 3) -> Net:
    torch.manual_seed(seed)
    net = Net(width)
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 2.0)
    net.bn.num_batches_tracked.fill_(7)
    return net


def same(a: nn.Module, b: nn.Module) -> bool:
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


class Bomb:
    """What a hostile pickle does: a call while it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


# --- files


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    files.atomic_write_text(path, "one\r\n")
    files.atomic_write_text(path, "zwö\n")
    assert path.read_bytes() == "zwö\n".encode()
    assert os.listdir(path.parent) == ["b.txt"]
    assert files.sha256_file(path) == hashlib.sha256("zwö\n".encode()).hexdigest()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "x.bin"
    files.atomic_write_bytes(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        files.atomic_write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


def test_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.bin"
    files.atomic_write_bytes(path, b"old")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        files.atomic_write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX")
def test_written_file_has_ordinary_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    files.atomic_write_bytes(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


# --- round trips


def test_safetensors_round_trip_with_metadata(tmp_path: Path) -> None:
    source, path = filled(), tmp_path / "net.safetensors"
    weights.save(source, path, {"command": "aubench pretrain"})
    target = filled(1)
    assert weights.load_into(target, path) == {"command": "aubench pretrain"}
    assert same(source, target)


def test_half_shrinks_matrices_and_keeps_statistics(tmp_path: Path) -> None:
    source, path = filled(), tmp_path / "net.safetensors"
    source.bn.running_var.fill_(1e6)  # beyond float16
    weights.save(source, path, half=True)
    tensors, metadata = weights.read(path)
    assert tensors["conv.weight"].dtype == torch.float16
    assert tensors["bn.running_var"].dtype == torch.float32
    assert metadata == {}
    target = Net()
    weights.load_into(target, path)
    assert target.conv.weight.dtype == torch.float32
    assert torch.equal(target.conv.weight, source.conv.weight.half().float())
    assert torch.equal(target.bn.running_var, source.bn.running_var)


def test_tied_tensors_and_views_can_be_saved(tmp_path: Path) -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    weights.save({"a": tensor, "b": tensor.T}, tmp_path / "t.safetensors")
    tensors, _ = weights.read(tmp_path / "t.safetensors")
    assert torch.equal(tensors["b"], tensor.T)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_torch_checkpoints_load(tmp_path: Path, legacy: bool, wrapped: bool) -> None:
    source, path = filled(), tmp_path / "net.pth.tar"
    state = OrderedDict((f"module.{name}", tensor) for name, tensor in source.state_dict().items())
    content = {"epoch": 3, "arch": "Net", "state_dict": state, "prec1": torch.tensor(9.0)} if wrapped else state
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    target = Net()
    weights.load_into(target, path)
    assert same(source, target)


def test_parameters_in_a_checkpoint_load_as_tensors(tmp_path: Path) -> None:
    source = filled()
    torch.save({**source.state_dict(), "conv.weight": source.conv.weight}, tmp_path / "net.pth")
    tensors, _ = weights.read(tmp_path / "net.pth")
    assert type(tensors["conv.weight"]) is torch.Tensor


def test_old_files_without_batch_counts_load(tmp_path: Path) -> None:
    source, path = filled(), tmp_path / "net.safetensors"
    state = {k: v for k, v in source.state_dict().items() if not k.endswith("num_batches_tracked")}
    weights.save(state, path)
    target = Net()
    weights.load_into(target, path)
    assert torch.equal(target.bn.running_mean, source.bn.running_mean)
    assert target.bn.num_batches_tracked == 0


def test_prefix_is_only_stripped_when_all_names_have_it() -> None:
    mixed = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    assert weights.strip_prefixes(mixed) == mixed
    assert set(weights.strip_prefixes({"_orig_mod.a": torch.zeros(1)})) == {"a"}


# --- mismatches


def test_other_shape_names_tensor_and_both_shapes(tmp_path: Path) -> None:
    weights.save(filled(width=5), tmp_path / "net.safetensors", {"config": '{"width": 5}'})
    target = filled(1)
    before = filled(1)
    values = ("net.safetensors", "'conv.weight'", "(3, 2, 3, 3)", "(5, 2, 3, 3)", '"width": 5')
    with refused("weights-mismatch", *values) as caught:
        weights.load_into(target, tmp_path / "net.safetensors")
    assert "\n" not in str(caught.value)
    assert same(target, before)


def test_nothing_is_copied_when_a_later_tensor_does_not_fit(tmp_path: Path) -> None:
    state = filled().state_dict()
    state["bn.running_var"] = torch.ones(4)
    weights.save(state, tmp_path / "net.safetensors")
    target = filled(1)
    with refused("weights-mismatch", "bn.running_var"):
        weights.load_into(target, tmp_path / "net.safetensors")
    assert same(target, filled(1))


def test_missing_and_left_over_tensors_are_named(tmp_path: Path) -> None:
    path, state = tmp_path / "net.safetensors", filled().state_dict()
    weights.save({k: v for k, v in state.items() if k != "conv.bias"}, path)
    with refused("weights-mismatch", "net.safetensors", "'conv.bias'"):
        weights.load_into(Net(), path)
    weights.save({**state, "fc2.weight": torch.zeros(2, 2)}, path)
    with refused("weights-mismatch", "net.safetensors", "'fc2.weight'", "(2, 2)"):
        weights.load_into(Net(), path)
    weights.load_into(Net(), path, ignore=("fc2.",))


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    source = filled()
    with torch.no_grad():
        source.conv.bias[1] = torch.nan
    weights.save(source, tmp_path / "net.safetensors")
    with refused("file-damaged", "'conv.bias'"):
        weights.load_into(Net(), tmp_path / "net.safetensors")


# --- broken and hostile files


def cannot_be_read(path: Path, code: str, *values: object) -> None:
    with refused(code, path, *values) as caught:
        weights.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bomb.safetensors", "bomb.pth"])
def test_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, name: str) -> None:
    path, mark = tmp_path / name, tmp_path / "was_run"
    path.write_bytes(pickle.dumps({"state_dict": Bomb(mark)}, protocol=2))
    cannot_be_read(path, "weights-unsafe")
    assert not mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_file_with_code_beside_tensors_is_refused(tmp_path: Path, legacy: bool) -> None:
    path, mark = tmp_path / "bomb.pth", tmp_path / "was_run"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "extra": Bomb(mark)}, path,
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    cannot_be_read(path, "weights-unsafe")
    assert not mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_file_named_safetensors_is_refused(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "net.safetensors"
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=not legacy)
    cannot_be_read(path, "weights-unsafe")


@pytest.mark.parametrize(
    ("keep", "code"),
    [(0, "file-empty"), (4, "format-unknown"), (9, "file-damaged"), (60, "file-damaged"), (-1, "file-damaged")],
)
def test_truncated_safetensors_are_refused(tmp_path: Path, keep: int, code: str) -> None:
    path = tmp_path / "net.safetensors"
    weights.save(filled(), path)
    path.write_bytes(path.read_bytes()[:keep])
    cannot_be_read(path, code)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_torch_files_are_refused(tmp_path: Path, legacy: bool, share: float) -> None:
    path = tmp_path / "net.pth"
    torch.save(filled().state_dict(), path, _use_new_zipfile_serialization=not legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    in_a_name = legacy and share == 0.1  # the cut leaves a name to import that torch does not know
    cannot_be_read(path, "weights-unsafe" if in_a_name else "file-damaged")


def test_header_that_lies_about_its_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", 60) + b'{"a":1}')
    cannot_be_read(path, "file-damaged")
    path.write_bytes(struct.pack("<Q", 1 << 40) + b'{"a":1}')
    cannot_be_read(path, "format-unknown")


def test_header_length_that_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for length in range(200):
        weights.save({"a": torch.ones(1)}, path, {"note": "x" * length})
        if path.read_bytes()[:1] == b"\x80":
            break
    else:
        pytest.fail("no header of 128 bytes was made")
    assert torch.equal(weights.read(path)[0]["a"], torch.ones(1))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "weights.txt"
    text.write_text("these are no weights")
    cannot_be_read(text, "format-unknown")
    cannot_be_read(tmp_path / "absent.safetensors", "weights-missing")
    cannot_be_read(tmp_path, "file-unreadable")
    torch.save([1, 2], tmp_path / "list.pth")
    cannot_be_read(tmp_path / "list.pth", "weights-mismatch")
    torch.save({"a": 1}, tmp_path / "int.pth")
    cannot_be_read(tmp_path / "int.pth", "weights-mismatch", "'a'", "int")


# --- where weights come from


def test_resolve(tmp_path: Path) -> None:
    plugin = tmp_path / "toon" / "network.py"
    plugin.parent.mkdir()
    assert weights.resolve(str(plugin), None, "make") is None
    assert weights.resolve(str(plugin), "none", "make") is None
    assert weights.resolve(str(plugin), "w.pth", "make") == Path("w.pth")
    with refused("weights-missing", "toon.safetensors", "`aubench pretrain toon`"):
        weights.resolve(str(plugin), "shipped", "aubench pretrain toon")
    shipped = plugin.parent / "assets" / "toon.safetensors"
    weights.save(filled(), shipped)
    assert weights.resolve(str(plugin), "shipped", "make") == shipped.resolve()


# --- frozen networks


class Still(Net, Frozen):
    pass


def test_frozen_network_stays_in_evaluation_mode_until_thawed() -> None:
    outer = nn.Sequential(Still().freeze())
    outer.train()
    assert not outer[0].training
    assert not outer[0].bn.training
    outer[0].requires_grad_(True).train()
    assert outer[0].bn.training


def test_tensors_that_are_no_dense_numbers_are_refused(tmp_path: Path) -> None:
    net, path = filled(), tmp_path / "w.pth"
    weight = net.conv.weight.detach()
    for bad in (
        weight.to_sparse(),
        weight.to("meta"),
        torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
        weight.to(torch.complex64),
        weight.to(torch.float8_e4m3fn),
        torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    ):
        torch.save({**net.state_dict(), "conv.weight": bad}, path)
        with pytest.raises(UserError) as caught:
            weights.load_into(filled(1), path)
        assert str(path) in str(caught.value)


def test_damaged_headers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.save(filled(), path)
    data = path.read_bytes()
    for place in range(9, 200):
        path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
        with pytest.raises(UserError) as caught:
            weights.load_into(filled(1), path)
        assert str(path) in str(caught.value)
    zipped = tmp_path / "w.pth"
    torch.save(filled().state_dict(), zipped)
    data = zipped.read_bytes()
    at = data.rindex(b"PK\x01\x02")  # an entry of the zip's directory
    for place in range(at, at + 46):
        zipped.write_bytes(data[:place] + b"\xff\xff" + data[place + 2 :])
        with contextlib.suppress(UserError):  # anything else ends the test
            weights.load_into(filled(1), zipped)


def test_shipped_weights_that_were_altered_are_refused(tmp_path: Path) -> None:
    plugin = tmp_path / "net" / "__init__.py"
    path = weights.shipped_path(str(plugin))
    weights.save(filled(), path)
    assert weights.resolve(str(plugin), "shipped", "make") == path  # a plugin without a list
    shipped.record(path)
    shipped.record(path)
    assert weights.resolve(str(plugin), "shipped", "make") == path
    assert len((path.parent / "SHA256SUMS").read_text().splitlines()) == 1
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError) as told:
        weights.resolve(str(plugin), "shipped", "make")
    assert told.value.code == "file-altered"


def test_what_we_ship_is_what_is_listed() -> None:
    listed = sorted(path for root in aubench_plugins.__path__ for path in Path(root).glob("*/assets/*.safetensors"))
    assert listed
    for path in listed:
        assert path.name in (path.parent / "SHA256SUMS").read_text(), path
        shipped.require_unaltered(path)

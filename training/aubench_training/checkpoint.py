"""Checkpoints that survive kill -9 and a full disk.

One checkpoint is one safetensors file: its tensors, and in its header, as JSON, everything else (step, optimiser
settings, schedule). It takes its name only when it is whole on the disk, and the ``keep`` newest stay, so the
previous one is intact whatever happens to the next. No pickle is read or written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from aubench import weights
from aubench.errors import UserError, code_of_errno

_TENSOR, _ITEMS, _TUPLE = "__tensor__", "__items__", "__tuple__"


class Checkpoints:
    """The checkpoints of one run, ``step-<number>.safetensors`` in ``folder``."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder, self.keep = Path(folder), keep

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write ``state``: nested dicts, lists and tuples of tensors and of what JSON can hold."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08d}.safetensors"
        write_state(path, state | {"step": step})
        for old in self._files()[self.keep :]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> dict[str, Any] | None:
        """The newest checkpoint, or ``None``; its ``"step"`` is the number of steps done."""
        files = self._files()
        return read_state(files[0]) if files else None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a nested state as one safetensors file, atomically."""
    tensors: dict[str, torch.Tensor] = {}
    header = {"state": json.dumps(_encode(state, "", tensors))}
    try:
        weights.save(tensors, path, header)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error}). Free some space, or choose another --out.",
            code=code_of_errno(error.errno),
        ) from error


def read_state(path: Path) -> dict[str, Any]:
    """Read what :func:`write_state` wrote. Raises ``UserError`` for a file that is no checkpoint or is truncated."""
    tensors, metadata = weights.read(path)
    try:
        return dict(_decode(json.loads(metadata["state"]), tensors))
    except (KeyError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise UserError(
            f"{path}: not a checkpoint of a run ({error}). Delete it to use the one before.", code="file-damaged"
        ) from error


def _encode(node: Any, place: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, torch.Tensor):
        tensors[place] = node
        return {_TENSOR: place}
    if isinstance(node, dict):  # as pairs, because JSON would turn the integer keys of optimisers into text
        return {_ITEMS: [[key, _encode(value, f"{place}/{key}", tensors)] for key, value in node.items()]}
    if isinstance(node, list | tuple):
        items = [_encode(value, f"{place}/{i}", tensors) for i, value in enumerate(node)]
        return {_TUPLE: items} if isinstance(node, tuple) else items
    return node


def _decode(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, list):
        return [_decode(value, tensors) for value in node]
    if not isinstance(node, dict):
        return node
    if _TENSOR in node:
        return tensors[node[_TENSOR]]
    if _TUPLE in node:
        return tuple(_decode(value, tensors) for value in node[_TUPLE])
    return {key: _decode(value, tensors) for key, value in node[_ITEMS]}

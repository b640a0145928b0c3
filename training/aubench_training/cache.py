"""What frozen networks make of images, computed once and kept on disk: float16, memory-mapped, keyed by content.

The key is the hash of the network's weights and of the images, so that nothing stale is ever read. A pool is computed
into a folder of its own and takes its name when it is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch import Tensor

from aubench.combination import as_image
from aubench.contracts import Extractor, Features
from aubench.errors import UserError, code_of_errno
from aubench.mapped import new_array
from aubench.materialise import materialise
from aubench.predict.ahead import ahead
from aubench.progress import progress

Compute = Callable[[Tensor], dict[str, Tensor]]
BATCH = 64


class Pool:
    """Named float16 arrays over the same ``n`` images, as one or several parts (one per data set) laid end to end."""

    def __init__(self, parts: Sequence[Mapping[str, npt.NDArray[np.float16]]]) -> None:
        self.parts = parts
        lengths = [len(next(iter(part.values()))) for part in parts]
        self.starts = np.concatenate([[0], np.cumsum(lengths)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: npt.NDArray[np.int64], device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """The chosen rows of every array as float32 tensors."""
        return {name: gather([part[name] for part in self.parts], self.starts, rows, device) for name in self.parts[0]}

    def features(self, rows: npt.NDArray[np.int64], device: torch.device | str = "cpu") -> Features:
        """The chosen rows as features; for a pool of :func:`compute_features`."""
        named = self.take(rows, device)
        return Features(named.pop("fused"), {name.removeprefix("maps."): tensor for name, tensor in named.items()})

    def batches(self, start: int = 0, stop: int | None = None, device: torch.device | str = "cpu") -> Any:
        """Features of the rows from ``start`` to ``stop`` in order, batch by batch."""
        stop = len(self) if stop is None else stop
        for first in range(start, stop, 2 * BATCH):
            yield self.features(np.arange(first, min(first + 2 * BATCH, stop)), device)


def gather(
    arrays: Sequence[npt.NDArray[Any]],
    starts: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Rows of arrays laid end to end, as one float32 tensor."""
    rows = np.asarray(rows)
    if len(arrays) == 1:
        picked = np.asarray(arrays[0][rows])
    else:
        which = np.searchsorted(starts, rows, side="right") - 1
        picked = np.empty((len(rows), *arrays[0].shape[1:]), arrays[0].dtype)
        for i in np.unique(which):
            picked[which == i] = arrays[i][rows[which == i] - starts[i]]
    return torch.from_numpy(picked).to(device).float()


def compute_features(extractor: Extractor) -> Compute:
    """The arrays of :class:`aubench.contracts.Features`: ``fused`` and ``maps.<region>``."""

    def compute(image: Tensor) -> dict[str, Tensor]:
        features = extractor.features(image)
        return {"fused": features.fused, **{f"maps.{name}": m for name, m in features.maps.items()}}

    return compute


def cached(
    compute: Compute,
    images: npt.NDArray[np.uint8],
    *,
    title: str,
    key: Mapping[str, Any],
    root: Path,
    device: torch.device,
    console: Console | None = None,
) -> dict[str, npt.NDArray[np.float16]]:
    """``compute`` of all ``images`` (n, h, w, 3), from the cache under ``root`` or now. ``key`` must name all that
    decides the result. Of two processes that want the same, the second waits for the first. Raises ``UserError`` when
    the disk is full or not writable."""
    digest = hashlib.sha256(json.dumps({**key, "count": len(images)}, sort_keys=True).encode()).hexdigest()
    folder = root / "features" / digest[:32]

    def find() -> bool | None:
        return folder.is_dir() or None

    def build(partial: Path) -> None:
        _compute_into(partial, compute, images, title, device, console)
        (partial / "key.json").write_text(json.dumps({**key, "count": len(images)}, indent=1))

    try:
        materialise(folder, find, build)
    except OSError as error:
        raise UserError(
            f"{folder}: {error.strerror or error}; set AUBENCH_CACHE to a folder with room",
            code=code_of_errno(error.errno),
        ) from error
    return {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}


@torch.inference_mode()
def _compute_into(
    folder: Path,
    compute: Compute,
    images: npt.NDArray[np.uint8],
    title: str,
    device: torch.device,
    console: Console | None,
) -> None:
    arrays: dict[str, npt.NDArray[np.float16]] = {}
    if console is not None:
        console.print(f"{title}: {len(images)} images, once", highlight=False)
    starts = range(0, max(len(images), 1), BATCH)  # of no images, the shapes of nothing
    # Pictures of a store are decoded when read: the next batch while this one is computed.
    batches = ahead((as_image(images[start : start + BATCH]) for start in starts), 2)
    with progress(title, len(images), "images") as advance:
        for start, batch in zip(starts, batches, strict=True):
            named = compute(batch.to(device))
            for name, tensor in named.items():
                if name not in arrays:
                    shape = (len(images), *tensor.shape[1:])
                    path = folder / f"{name}.npy"
                    arrays[name] = new_array(path, np.float16, shape)
                arrays[name][start : start + len(tensor)] = tensor.float().clamp(-65504, 65504).cpu().numpy()
            advance(start + len(batch))
    for array in arrays.values():
        array.flush()  # type: ignore[attr-defined]

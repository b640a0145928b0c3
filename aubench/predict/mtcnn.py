"""The networks of MTCNN (Zhang et al. 2016, arXiv:1604.02878) in torch, with the weights of the package ``mtcnn``.

That package carries the weights (MIT, 2 MB, trained on real faces) as lz4-compressed lists of arrays, and runs
them in TensorFlow. Here its files are read as data, without importing it: TensorFlow is not needed. All networks take
RGB scaled to [-1, 1), (n, 3, h, w), and return logits of (not face, face) first.
"""

from __future__ import annotations

import importlib.metadata
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aubench.errors import UserError
from aubench.types import Floats

REINSTALL = "pip install --force-reinstall --no-deps mtcnn==1.0.0"


class _StoredArray:
    """Stands in for joblib's array wrapper: when its state arrives, reads the array that follows in the stream."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.stream = stream
        self.values: Floats = np.empty(0, np.float32)

    def __setstate__(self, state: dict[str, Any]) -> None:
        padding = self.stream.read(1)[0]
        self.stream.read(padding)
        count = int(np.prod(state["shape"]))
        data = np.frombuffer(self.stream.read(4 * count), dtype="<f4")
        self.values = data.reshape(state["shape"], order=state["order"]).astype(np.float32)


class _ArrayReader(pickle.Unpickler):
    """Reads a list of float32 arrays and refuses anything else: no name in the file is ever imported or called."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.stream = stream

    def find_class(self, module: str, name: str) -> Any:
        stream = self.stream
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):

            class Bound(_StoredArray):
                def __new__(cls) -> Bound:
                    array = super().__new__(cls)
                    array.__init__(stream)  # type: ignore[misc]
                    return array

            return Bound
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a list of arrays")


def read_arrays(path: Path) -> list[Floats]:
    """The arrays of one weight file of ``mtcnn``. Raises :class:`UserError` when it is missing or not such a file."""
    import lz4.frame

    try:
        stream = io.BytesIO(lz4.frame.decompress(path.read_bytes()))
        return [stored.values for stored in _ArrayReader(stream).load()]
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run: {REINSTALL}", code="weights-missing") from None
    except Exception as error:  # damaged bytes lead the decompressor and the unpickler to whatever exception
        raise UserError(
            f"{path}: not a weight file of mtcnn 1.0 ({error}); run: {REINSTALL}",
            code="weights-unsafe" if isinstance(error, pickle.UnpicklingError) else "file-damaged",
        ) from None


def weight_file(name: str) -> Path:
    """Where the installed package ``mtcnn`` keeps ``pnet``, ``rnet`` or ``onet``, found without importing it."""
    try:
        distribution = importlib.metadata.distribution("mtcnn")
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"the face detector's weights are not installed; run: {REINSTALL}", code="weights-missing"
        ) from None
    return Path(str(distribution.locate_file(f"mtcnn/assets/weights/{name}.lz4")))


def _conv(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel), nn.PReLU(outputs)]


def _pool(kernel: int, *, same: bool) -> nn.Module:
    """Stride 2; ``same`` as TensorFlow pads even sizes, which at stride 2 is the same as rounding the size up."""
    return nn.MaxPool2d(kernel, 2, ceil_mode=same)


class _Transposed(nn.Module):
    """Flattens column by column with channels innermost: the weights were trained so."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 2, 1).flatten(1)


class _Net(nn.Module):
    """A trunk and its heads, in the order of the weight file: box offsets, (landmarks,) class."""

    def __init__(self, trunk: list[nn.Module], heads: list[nn.Module]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*trunk)
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.trunk(x)
        return [head(x) for head in self.heads]

    def load(self, name: str) -> None:
        """Fill every parameter, in order, from the file of ``name``; kernels there are (h, w, in, out)."""
        path = weight_file(name)
        arrays = read_arrays(path)
        slots = list(self.parameters())
        if len(arrays) != len(slots):
            raise UserError(
                f"{path}: {len(arrays)} arrays where {len(slots)} are expected; run: {REINSTALL}",
                code="weights-mismatch",
            )
        for number, (array, slot) in enumerate(zip(arrays, slots, strict=True)):
            turned = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T if array.ndim == 2 else array.ravel()
            if turned.shape != tuple(slot.shape):
                raise UserError(
                    f"{path}: array {number} is {turned.shape}, expected {tuple(slot.shape)}; run: {REINSTALL}",
                    code="weights-mismatch",
                )
            slot.data.copy_(torch.from_numpy(np.ascontiguousarray(turned)))
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def proposal_net() -> _Net:
    """P-net: fully convolutional, cell 12, stride 2 → offsets (n, 4, h', w'), logits (n, 2, h', w')."""
    trunk = [*_conv(3, 10, 3), _pool(2, same=True), *_conv(10, 16, 3), *_conv(16, 32, 3)]
    net = _Net(trunk, [nn.Conv2d(32, 4, 1), nn.Conv2d(32, 2, 1)])
    net.load("pnet")
    return net


def refinement_net() -> _Net:
    """R-net: 24 px patches → offsets (n, 4), logits (n, 2)."""
    trunk = [
        *_conv(3, 28, 3), _pool(3, same=True), *_conv(28, 48, 3), _pool(3, same=False), *_conv(48, 64, 2),
        _Transposed(), nn.Linear(576, 128), nn.PReLU(128),
    ]  # fmt: skip
    net = _Net(trunk, [nn.Linear(128, 4), nn.Linear(128, 2)])
    net.load("rnet")
    return net


def output_net() -> _Net:
    """O-net: 48 px patches → offsets (n, 4), five points (n, 10) as x1..x5 y1..y5 in the patch, logits (n, 2)."""
    trunk = [
        *_conv(3, 32, 3), _pool(3, same=True), *_conv(32, 64, 3), _pool(3, same=False), *_conv(64, 64, 3),
        _pool(2, same=True), *_conv(64, 128, 2), _Transposed(), nn.Linear(1152, 256), nn.PReLU(256),
    ]  # fmt: skip
    net = _Net(trunk, [nn.Linear(256, 4), nn.Linear(256, 10), nn.Linear(256, 2)])
    net.load("onet")
    return net

"""What checks hand to plugins and get from them, whatever its type: its tensors by name, its rows, its differences."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aubench.contracts import Features, Frames
from aubench.parameters import FacialParameters

Answers = dict[str, Tensor]
"""What a plugin made of an example, by name."""


def leaves(value: Any) -> dict[str, Tensor]:
    """Every tensor in ``value`` by name; arrays share their memory. What has none gives an empty dictionary."""
    if isinstance(value, Tensor):
        return {"image": value}
    if isinstance(value, Features):
        return {"fused": value.fused, **{f"maps[{name!r}]": tensor for name, tensor in value.maps.items()}}
    if isinstance(value, FacialParameters):
        return dict(zip(("pose", "au", "identity", "brow"), value, strict=True))
    if isinstance(value, Frames):
        return {"images": torch.from_numpy(np.asarray(value.images)), "frame": torch.from_numpy(value.frame)}
    if isinstance(value, Mapping):
        return {f"{key} {name}": tensor for key, part in value.items() for name, tensor in leaves(part).items()}
    return leaves(value.parameters) if hasattr(value, "parameters") else {}


def mapped(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """The same function on every tensor of images, features, parameters, or a mapping of these."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Features):
        return value.each(function)
    if isinstance(value, FacialParameters):
        return FacialParameters(*(function(part) for part in value))
    return {key: mapped(part, function) for key, part in value.items()}


def copies(value: Any) -> dict[str, Tensor]:
    """The tensors of ``value`` as they are now."""
    return {name: tensor.detach().clone() for name, tensor in leaves(value).items()}


def difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor], tolerance: float) -> str:
    """Where two answers differ by more than ``tolerance`` times the largest number, as the end of a sentence; empty if
    they agree. NaN equals NaN."""
    if one.keys() != other.keys():
        return f"one has {', '.join(one) or 'nothing'}, the other {', '.join(other) or 'nothing'}"
    for name, tensor in one.items():
        a, b = tensor.detach().cpu(), other[name].detach().cpu()
        if a.shape != b.shape:
            return f"{name} is {tuple(a.shape)} once and {tuple(b.shape)} then"
        if not a.is_floating_point():
            if not torch.equal(a, b):
                return f"{name} differs in {int((a != b).sum())} of {a.numel()} numbers"
            continue
        a, b = a.double(), b.double()
        if not torch.equal(a.isnan(), b.isnan()):
            return f"{name} is NaN in different places"
        apart = a != b
        apart &= ~a.isnan()  # equal infinities are equal; an infinity beside a number is infinitely far
        gap = float((a - b)[apart].abs().max()) if bool(apart.any()) else 0.0
        largest = float(a.nan_to_num(0.0, 0.0, 0.0).abs().max()) if a.numel() else 0.0
        if gap > tolerance * max(largest, 1e-6):
            return f"{name} differs by up to {gap:.2g}, where the largest number is {largest:.2g}"
    return ""


def distance(one: Tensor, other: Tensor) -> float:
    """Length of the difference, as a fraction of the length of ``one``."""
    a, b = (tensor.detach().double().cpu().nan_to_num() for tensor in (one, other))
    return float((a - b).norm() / a.norm().clamp(min=1e-9))


def not_finite(answers: Mapping[str, Tensor]) -> str:
    """Names of the answers that hold NaN or infinity."""
    return ", ".join(n for n, t in answers.items() if t.is_floating_point() and not bool(t.isfinite().all()))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy's global generator and torch, and put everything back."""
    old, older = random.getstate(), np.random.get_state()  # noqa: NPY002 - plugins may use the global generator
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices=devices):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(old)
        np.random.set_state(older)  # noqa: NPY002

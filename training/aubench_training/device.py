"""Where and how a run computes: what :mod:`aubench.device` decides, and loss scaling, seeds, peak memory."""

from __future__ import annotations

import random
import resource
import sys
from typing import Any

import numpy as np
import torch

from aubench.device import autocast, cast_weights, choose_device, choose_dtype, place

__all__ = [
    "autocast", "cast_weights", "choose_device", "choose_dtype", "gradient_scaler", "peak_memory_mib",
    "place", "restore_rng", "rng_state", "seed_everything",
]  # fmt: skip


def gradient_scaler(device: torch.device, dtype: torch.dtype) -> torch.amp.GradScaler:
    """Loss scaling, which only fp16 needs; a disabled scaler passes everything through."""
    return torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy's old global generator and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below may still use the global generator
    torch.manual_seed(seed)


def rng_state() -> dict[str, Any]:
    """States of torch's generators, for a checkpoint."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_rng(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])


def peak_memory_mib() -> dict[str, float]:
    """Highest resident memory of this process, and of the first GPU, in MiB."""
    per_unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, KiB on Linux
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit / 2**20}
    if torch.cuda.is_available():
        peak["cuda"] = torch.cuda.max_memory_allocated() / 2**20
    return peak

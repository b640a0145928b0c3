"""Where and in which number format networks compute: device, autocast, memory layout."""

from __future__ import annotations

import contextlib
import copy
import platform
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from aubench.errors import UserError, did_you_mean

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
Module = TypeVar("Module", bound=nn.Module)


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is cuda, else mps, else cpu. Raises ``UserError`` for a device that is unknown or not here."""
    kind = name.partition(":")[0]
    if kind not in DEVICES:
        raise UserError(f"--device {name}: no such device. {did_you_mean(name, DEVICES)}", code="option-invalid")
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if has[device]))
    if not has[kind]:
        raise UserError(
            f"--device {name}: PyTorch cannot use this device on this machine; use --device auto.",
            code="device-unavailable",
        )
    return torch.device(name)


def choose_dtype(device: torch.device, precision: str = "auto") -> torch.dtype:
    """The format of autocast. ``auto``: bf16 where the hardware multiplies in it, else fp16 on cuda, else fp32.

    A CPU without AVX512-BF16 or AMX emulates bf16 and becomes slower by it, so ``auto`` asks first.
    """
    if precision not in PRECISIONS:
        raise UserError(
            f"precision {precision}: no such format. {did_you_mean(precision, PRECISIONS)}", code="option-invalid"
        )
    if precision != "auto":
        return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and _cpu_multiplies_bf16():
        return torch.bfloat16
    return torch.float32


def _cpu_multiplies_bf16() -> bool:
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(ask()) if ask is not None else False


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[Any]:
    """Mixed precision in ``dtype``; with float32, nothing at all."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def place(module: Module, device: torch.device, *, frozen: bool = False) -> Module:
    """Move a network, channels last (convolutions in bf16 run about twice as fast in it on CPU and GPU).

    ``frozen`` puts it in eval mode and takes its parameters out of the graph; gradients still flow through it.
    """
    module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval().requires_grad_(False) if frozen else module


def cast_weights(network: Module, dtype: torch.dtype) -> Module:
    """A frozen copy of ``network`` for use under autocast in ``dtype``, its convolutions and linear layers kept in it.

    Autocast keeps the casts of weights that learn, but casts frozen ones anew in every pass; this changes no result.
    """
    copied = copy.deepcopy(network)
    if dtype != torch.float32:
        for module in copied.modules():
            if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
                module.to(dtype)
    return copied


def cpu_name() -> str:
    """The processor's name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

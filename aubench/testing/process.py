"""What a plugin must leave as it was in the process that it runs in: settings, seeds, the working directory."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .values import seeded

_SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "torch's gradient mode": (torch.is_grad_enabled, lambda on: torch.set_grad_enabled(on)),
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "cudnn.benchmark": (
        lambda: torch.backends.cudnn.benchmark,
        lambda on: setattr(torch.backends.cudnn, "benchmark", on),
    ),
    "cudnn.deterministic": (
        lambda: torch.backends.cudnn.deterministic,
        lambda on: setattr(torch.backends.cudnn, "deterministic", on),
    ),
    "NumPy's handling of errors": (np.geterr, lambda kinds: np.seterr(**kinds)),
    "the working directory": (os.getcwd, os.chdir),
}
"""Each setting's getter and setter, by what it is called in a complaint."""


def settings() -> dict[str, Any]:
    """Process-wide settings as they are now."""
    return {name: get() for name, (get, _) in _SETTINGS.items()}


def changed(before: dict[str, Any]) -> list[str]:
    """What differs from ``before``, as ``name (was, is)``."""
    now = settings()
    return [f"{name} ({before[name]}, now {now[name]})" for name in before if now[name] != before[name]]


@contextmanager
def restored() -> Iterator[None]:
    """Put settings and environment back at the end, so that one check cannot spoil the next."""
    before, variables = settings(), dict(os.environ)
    try:
        yield
    finally:
        for name, (get, put) in _SETTINGS.items():
            if get() != before[name]:
                put(before[name])
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)


def reseeded(call: Callable[[], object]) -> list[str]:
    """The global generators that ``call`` seeds: those that it leaves in one state, whatever state they were in."""
    ends = []
    for seed in (1, 2):
        with seeded(seed):
            call()
            numbers = np.random.get_state(legacy=False)  # noqa: NPY002
            state = numbers["state"]
            ends.append({
                "torch": torch.random.get_rng_state().numpy().tobytes(),
                "NumPy": f"{state['pos']}{state['key'].tobytes()}",
                "Python": str(random.getstate()),
            })  # fmt: skip
    return [name for name in ends[0] if ends[0][name] == ends[1][name]]


def names_here() -> set[str]:
    """What lies in the working directory, without hidden files and Python's own."""
    with suppress(OSError):
        return {path.name for path in Path.cwd().iterdir() if not path.name.startswith((".", "__pycache__"))}
    return set()

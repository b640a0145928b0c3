"""Reads the tables of public checkpoints' tensors under ``tests/data``."""

from __future__ import annotations

from pathlib import Path

Shapes = dict[str, tuple[int, ...]]


def read_table(name: str) -> Shapes:
    """Every tensor's name and shape, batch-norm statistics included."""
    out: Shapes = {}
    for line in (Path(__file__).parent / "data" / name).read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        kind, layer, shape, *bias = line.split()
        sizes = tuple(int(number) for number in shape.split("x"))
        out[f"{layer}.weight"] = sizes
        if kind == "bn":
            out |= {f"{layer}.{part}": sizes for part in ("bias", "running_mean", "running_var")}
            out[f"{layer}.num_batches_tracked"] = ()
        elif bias:
            out[f"{layer}.bias"] = sizes[:1]
    return out

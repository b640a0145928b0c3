"""What can be told of a model on faces without a label: levels, saturation, and whether it agrees with itself.

None of these says how well AUs are read. They show what has changed, and they warn: a model that reads a face and its
mirror image less alike than before, or that is at the end of its scale more often, was not made better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.contracts import Features
from aubench.metrics import icc_3_1
from aubench.parameters import AU_NAMES, INTENSITY_SCALE
from aubench.person import calmest

Array = npt.NDArray[np.floating[Any]]
SHIFT, SCALE, LIGHT = 0.015, 1.02, 0.94
"""The disturbance: moved right and down by a fraction of the side, enlarged, and darkened by these."""
END = 0.05
"""Readings closer than this to 0 or to 5 count as at the end of the scale."""
_TWINS = [AU_NAMES.index("AU30R") if n == "AU30L" else AU_NAMES.index("AU30L") if n == "AU30R" else i
          for i, n in enumerate(AU_NAMES)]  # fmt: skip


class Model(Protocol):
    """What is asked of a model; :class:`aubench.combination.Combination` has it."""

    def regress(self, features: Features) -> Any: ...


@dataclass(frozen=True)
class Views:
    """Features of the same faces: as they are, ``mirrored`` and ``disturbed``; ``groups`` (n,): the number of each
    one's recording."""

    plain: Features
    mirrored: Features
    disturbed: Features
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measures:
    """Of one model on :class:`Views`.

    ``calm`` is the mean intensity of each AU in the calmest frames, ``calm_mean`` their mean over AUs; ``at_zero`` and
    ``at_five`` are shares of all readings; ``mirror`` and ``jitter`` are ICC(3,1), means over AUs, of the readings of a
    face and of its mirrored or disturbed picture (nan where nothing varies).
    """

    calm: dict[str, float]
    calm_mean: float
    at_zero: float
    at_five: float
    mirror: float
    jitter: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: rounded, ``None`` for nan."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return round(float(value), 4) if np.isfinite(value) else None


def mirrored(images: Tensor) -> Tensor:
    """Left and right of pictures (b, 3, h, w) exchanged."""
    return images.flip(-1)


def disturbed(images: Tensor) -> Tensor:
    """Pictures (b, 3, h, w) as a slightly wrong alignment and a little less light would give them."""
    theta = torch.tensor([[1 / SCALE, 0.0, -2 * SHIFT], [0.0, 1 / SCALE, -2 * SHIFT]], device=images.device)
    grid = torch.nn.functional.affine_grid(theta.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return (moved * LIGHT).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(model: Model, views: Views) -> Measures:
    """Read the views with a model."""
    plain = _read(model, views.plain)
    mirror = _read(model, views.mirrored)[:, _TWINS]
    jitter = _read(model, views.disturbed)
    level = np.mean([plain[rows].mean(axis=0) for rows in _calm(plain, views.groups)], axis=0)
    return Measures(
        {name: float(value) for name, value in zip(AU_NAMES, level, strict=True)},
        float(level.mean()),
        float((plain < END).mean()),
        float((plain > INTENSITY_SCALE - END).mean()),
        agreement(plain, mirror),
        agreement(plain, jitter),
    )


def agreement(one: Array, other: Array) -> float:
    """ICC(3,1) of two readings (n, a) of the same faces, mean over the AUs for which it is defined; else nan."""
    scores = np.array([icc_3_1(one[:, k], other[:, k]) for k in range(one.shape[1])], np.float64)
    return float(scores[np.isfinite(scores)].mean()) if np.isfinite(scores).any() else float("nan")


def _read(model: Model, features: Features, batch: int = 64) -> Array:
    parts = [
        model.regress(features[start : start + batch].each(Tensor.float)).intensities().float().cpu().numpy()
        for start in range(0, len(features), batch)
    ]
    out: Array = np.concatenate(parts)
    return out


def _calm(read: Array, groups: npt.NDArray[np.int64]) -> Sequence[npt.NDArray[np.intp]]:
    """The rows of each recording's calmest frames."""
    out = []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        out.append(rows[calmest(read[rows].sum(axis=1))])
    return out

"""Every quantity that a loss may ask for, made up: at random, or of the base face, answered without any error."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aubench.contracts import Features
from aubench.parameters import AU_SIZE, BROW, SIZE, FacialParameters
from aubench.quantities import QUANTITIES

from .examples import faces, features

_SIDE, _WIDTH, _POINTS, _CELLS = 32, 16, 68, 8
ONE_FACE = ("base_parameters", "base_drawn", "base_features")
"""Words that hold one face, whatever the batch."""
FIXED = (
    "image", "features", "embedding", "heatmaps", *ONE_FACE, "sampled_parameters", "sampled_features", "people_aus",
    "people_features", "people_neutral", "neutral_features", "warped_features", "warped_strengths", "before_features",
    "after_features", "peer_features", "teacher_parameters", "start_parameters",
)  # fmt: skip
"""Words that training cannot change: made of frames, of known faces, or of the base face."""


def random_words(count: int, seed: int = 0) -> dict[str, Any]:
    """Each word on its own, as a regressor that knows nothing would have it."""
    return {name: _random(name, count, 1000 * seed + place) for place, name in enumerate(QUANTITIES)}


def perfect_words(count: int) -> dict[str, Any]:
    """The base face itself is in every frame, and everything is answered, drawn, read back and recognised without
    error: what belongs together is equal, and every answer is the base face."""
    base, image = FacialParameters.base(count), faces(1, 0, _SIDE)
    made: dict[str, Any] = {
        "image": image.expand(count, -1, -1, -1).contiguous(),
        "features": _repeat(features(1, 1), count),
        "embedding": torch.randn(1, _WIDTH, generator=torch.Generator().manual_seed(2)).repeat(count, 1),
        "heatmaps": torch.rand(1, _POINTS, _CELLS, _CELLS, generator=torch.Generator().manual_seed(3)).repeat(
            count, 1, 1, 1
        ),
    }
    made |= {"aus": base.au, "shares": torch.eye(count)}
    words = {name: made.get(_kind(name), base) for name in QUANTITIES} | {"warped_strengths": base.au * 0}
    return {name: word[slice(0, 1)] if name in ONE_FACE else word for name, word in words.items()}


def _random(name: str, count: int, seed: int) -> Any:
    count = 1 if name in ONE_FACE else count
    dice = torch.Generator().manual_seed(seed)
    kind = _kind(name)
    if kind == "image":
        return faces(count, seed, _SIDE)
    if kind == "features":
        return features(count, seed)
    if kind == "embedding":
        return torch.randn(count, _WIDTH, generator=dice)
    if kind == "heatmaps":
        return torch.rand(count, _POINTS, _CELLS, _CELLS, generator=dice)
    if kind == "aus":
        return torch.rand(count, AU_SIZE, generator=dice)
    if kind == "shares":
        return torch.rand(count, count, generator=dice).softmax(dim=1)
    vector = torch.rand(count, SIZE, generator=dice)
    vector[:, BROW] = F.softmax(3 * vector[:, BROW], dim=1)
    return FacialParameters.from_vector(vector)


def _kind(name: str) -> str:
    """What sort of thing a word holds, told from its shape in the vocabulary."""
    shape = QUANTITIES[name].shape
    if shape.startswith("FacialParameters"):
        return "parameters"
    if shape.startswith("Features"):
        return "features"
    return {
        "(b, 3, h, w)": "image", "(1, 3, h, w)": "image", "(b, d)": "embedding", "(b, 23)": "aus", "(b, b)": "shares",
        "(b, 68, h', w')": "heatmaps",
    }[shape.removeprefix("Tensor ")]  # fmt: skip


def _repeat(one: Features, count: int) -> Features:
    def grow(tensor: Tensor) -> Tensor:
        return tensor.repeat(count, *[1] * (tensor.ndim - 1))

    return one.each(grow)

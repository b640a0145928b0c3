"""What a search minimises: losses of the method on one image each, and the bounds that parameters keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aubench.contracts import Features
from aubench.parameters import BROW, FacialParameters
from aubench.plan import Plan, make_plan

GIVEN = ("image", "features", "parameters")
EDGE = 0.005
"""Parameters start at least so far from 0 and 1, where the gradient of the sigmoid vanishes."""
BROW_SHARE = 0.5
"""Share of its own style that a brow starts with; the other styles share the rest, so that all get gradients."""


def free(parameters: FacialParameters) -> Tensor:
    """Numbers without bounds (b, 269), of which :func:`bounded` makes these parameters."""
    vector = parameters.vector().clamp(EDGE, 1 - EDGE)
    styles = parameters.brow.shape[1]
    brow = BROW_SHARE * parameters.brow + (1 - BROW_SHARE) / styles
    return torch.cat([torch.logit(vector[:, : BROW.start]), brow.log()], dim=1)


def bounded(numbers: Tensor) -> FacialParameters:
    """Facial parameters in [0, 1], brow styles summing to 1, of unbounded numbers (b, 269)."""
    head = torch.sigmoid(numbers[:, : BROW.start])
    return FacialParameters.from_vector(torch.cat([head, torch.softmax(numbers[:, BROW], dim=1)], dim=1))


class Objective:
    """The weighted sum of ``losses`` for every image by itself.

    ``draw`` makes images of parameters, ``read`` features of images of the drawn domain. A loss may ask for the words
    ``image``, ``features``, ``parameters``, ``drawn`` and ``drawn_features``. Raises ``UserError`` for any other.
    """

    def __init__(
        self,
        losses: Mapping[str, Callable[..., Tensor]],
        weights: Mapping[str, float],
        draw: Callable[[FacialParameters], Tensor],
        read: Callable[[Tensor], Features],
    ) -> None:
        def drawn(parameters: FacialParameters) -> Tensor:
            return draw(parameters)

        def drawn_features(drawn: Tensor) -> Features:
            return read(drawn)

        self._weights = weights
        self._plan: Plan = make_plan(losses, {"drawn": drawn, "drawn_features": drawn_features}, GIVEN)

    def __call__(self, parameters: FacialParameters, image: Tensor, features: Features) -> Tensor:
        """Losses (b,); no image's depends on another's."""
        have = self._plan.run({"image": image, "features": features, "parameters": parameters})
        used = sorted({word for words in self._plan.words.values() for word in words})

        def of_one(parts: Mapping[str, Sequence[Tensor]]) -> Tensor:
            whole = {**have, **{word: _join(have[word], [part[None] for part in parts[word]]) for word in used}}
            terms = self._plan.terms(whole)
            return torch.stack([self._weights[name] * term.float() for name, term in terms.items()]).sum()

        return torch.vmap(of_one)({word: _split(have[word]) for word in used})


def _split(value: Any) -> list[Tensor]:
    """The tensors of a quantity, each with one row an image."""
    if isinstance(value, Features):
        return [value.fused, *value.maps.values()]
    return list(value) if isinstance(value, FacialParameters) else [value]


def _join(like: Any, parts: Sequence[Tensor]) -> Any:
    """The inverse of :func:`_split`."""
    if isinstance(like, Features):
        return Features(parts[0], dict(zip(like.maps, parts[1:], strict=True)))
    return FacialParameters(*parts) if isinstance(like, FacialParameters) else parts[0]

"""Which parsing classes make up each region of :data:`aubench.contracts.REGIONS`, and how much of it a parser sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aubench.contracts import PARSING_CLASSES

if TYPE_CHECKING:
    from torch import Tensor

# A parser's left and right are not reliable, so a region is always both sides.
_EYES = ("l_eye", "r_eye", "eye_g")
_BROWS = ("l_brow", "r_brow")
_NOSE = ("nose",)
_MOUTH = ("mouth", "u_lip", "l_lip")
CLASSES_OF: dict[str, tuple[str, ...]] = {
    "eyes": _EYES,
    "brows": _BROWS,
    "nose": _NOSE,
    "mouth": _MOUTH,
    "face": ("skin", *_EYES, *_BROWS, *_NOSE, *_MOUTH),
}


def attention(logits: Tensor) -> Tensor:
    """Probability of each region (b, 5, h, w), in the order of :data:`CLASSES_OF`, from parsing logits (b, 19, h, w):
    the sum over its classes."""
    import torch

    membership = logits.new_zeros(len(CLASSES_OF), len(PARSING_CLASSES), dtype=torch.float32)
    for row, names in enumerate(CLASSES_OF.values()):
        membership[row, [PARSING_CLASSES.index(name) for name in names]] = 1.0
    return torch.einsum("rc,bchw->brhw", membership, logits.float().softmax(dim=1))

"""Pictures as plugins are promised them: one word on those that are not, and the types to compute in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def at_least_float32(image: Tensor) -> Tensor:
    """float16 and bfloat16 as float32, which resizing needs; float32 and float64 as they are."""
    import torch

    return image.to(torch.promote_types(image.dtype, torch.float32))


def require_image(image: Tensor) -> Tensor:
    """``image``, if it is float RGB (b, 3, h, w). Raises ``ValueError`` that says so for anything else.

    Looks at shape and type only: whether its numbers lie in [0, 1] would have to be asked of the device.
    """
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
        raise ValueError(
            f"expected float RGB images (b, 3, h, w) in [0, 1], got {str(image.dtype).removeprefix('torch.')} "
            f"{tuple(image.shape)}"
        )
    return image

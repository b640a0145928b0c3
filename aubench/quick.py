"""A trained combination made ready to do nothing but read: the same values from fewer passes over memory.

Batch norms of the frozen extractor are folded into the convolutions before them, and its weights lie channels last. On
request it computes in bf16, which on CPUs that multiply in it is faster by a third and moves intensities by more than a
twentieth (`benchmarks/predict_speed.py` measures both); that is why nobody gets it unasked.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aubench.device import autocast, cast_weights
from aubench.frozen import Frozen

if TYPE_CHECKING:
    from aubench.combination import Combination

TOLERANCE = 1e-4
"""Largest difference that folding may make, in units of the spread of what comes out; more means that it is wrong."""
_Pairs = list[tuple[str, str]]


def quicken(model: Combination, dtype: torch.dtype = torch.float32) -> Combination:
    """A shallow copy of ``model`` that shares its regressor and reads faster. Not for training.

    An extractor that is no ``nn.Module``, or whose norms cannot be folded, stays as it is.
    """
    fast = copy.copy(model)
    extractor: Any = model.extractor
    if isinstance(extractor, nn.Module):
        extractor = folded(extractor, model.size)
        fast.extractor = extractor if dtype == torch.float32 else _Lower(extractor, model.device, dtype)
    return fast


def folded(extractor: nn.Module, size: int) -> nn.Module:
    """A frozen copy of an extractor with its batch norms in the weights of its convolutions, channels last.

    Which norm follows which convolution is seen from one pass over an image of side ``size``. A second pass compares:
    where the copy answers otherwise (a convolution that others read too, say), the extractor is given back unchanged.
    """
    first = next(extractor.parameters(), None)
    if first is None or extractor.training:
        return extractor
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(first.device)
    before, pairs = _watch(extractor, image)
    quick = copy.deepcopy(extractor)
    for convolution, norm in pairs:
        one: Any = quick.get_submodule(convolution)
        other: Any = quick.get_submodule(norm)
        fused = fuse_conv_bn_eval(one, other)
        _replace(quick, convolution, fused)
        _replace(quick, norm, nn.Identity())
    quick.requires_grad_(False).eval().to(memory_format=torch.channels_last)
    return quick if all(map(_alike, before, _tensors(quick, image))) else extractor


@torch.no_grad()
def _watch(extractor: nn.Module, image: Tensor) -> tuple[list[Tensor], _Pairs]:
    """What the extractor makes of ``image``, and its pairs of a convolution and the norm that reads what it made, each
    used once."""
    made: dict[int, tuple[str, Tensor]] = {}
    pairs: _Pairs = []
    uses: dict[str, int] = {}
    hooks = []

    def after(name: str) -> Any:
        def note(module: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
            uses[name] = uses.get(name, 0) + 1
            if isinstance(module, nn.Conv2d):
                made[id(out)] = (name, out)  # kept alive, so that no other tensor gets its id
            elif id(given[0]) in made:
                pairs.append((made[id(given[0])][0], name))

        return note

    for name, module in extractor.named_modules():
        if isinstance(module, nn.Conv2d) or (isinstance(module, nn.BatchNorm2d) and module.track_running_stats):
            hooks.append(module.register_forward_hook(after(name)))
    try:
        tensors = _tensors(extractor, image)
    finally:
        for hook in hooks:
            hook.remove()
    return tensors, [pair for pair in pairs if uses[pair[0]] == uses[pair[1]] == 1]


@torch.no_grad()
def _tensors(extractor: Any, image: Tensor) -> list[Tensor]:
    features = extractor.features(image)
    return [features.fused.float(), *(features.maps[name].float() for name in sorted(features.maps))]


def _alike(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= TOLERANCE * a.std(correction=0).clamp(min=1e-12))


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)


class _Lower(Frozen):
    """An extractor whose convolutions compute in ``dtype``; what comes out is float32."""

    def __init__(self, extractor: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.network: Any = cast_weights(extractor, dtype)
        self.device, self.dtype = device, dtype
        self.freeze()

    def features(self, image: Tensor) -> Any:
        with autocast(self.device, self.dtype):
            return self.network.features(image).each(Tensor.float)

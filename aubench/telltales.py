"""What network a file of tensors looks like, told by a few names and shapes: so that a wrong file can be explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Telltale:
    """A network is recognised by the ``names`` that it has and those that it lacks; ``more`` says what else its shapes
    tell."""

    title: str
    names: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    more: Callable[[Tensors], str] = lambda tensors: ""

    def fits(self, tensors: Tensors) -> bool:
        return all(name in tensors for name in self.names) and not any(name in tensors for name in self.lacks)


def _bisenet(tensors: Tensors) -> str:
    classes, _, *_ = tensors["conv_out.conv_out.weight"].shape
    return f" of width {tensors['cp.resnet.conv1.weight'].shape[0]} with {classes} classes"


def _lightcnn(tensors: Tensors) -> str:
    classes = tensors["fc2.weight"].shape[0] if "fc2.weight" in tensors else 0
    first = tensors["conv1.filter.weight"].shape
    return f", {first[1]} input channel{'s' * (first[1] != 1)}, width {first[0] / 96:g}, {classes} identities"


def _fan(tensors: Tensors) -> str:
    modules = sum(f"m{i}.b1_1.bn1.weight" in tensors for i in range(16))
    depth = sum(f"m0.b1_{level}.bn1.weight" in tensors for level in range(16))
    return f" with {modules} hourglasses of depth {depth}, width {tensors['l0.weight'].shape[1]}"


TELLTALES = (
    Telltale("BiSeNet face parser", ("ffm.convblk.conv.weight", "conv_out.conv_out.weight"), more=_bisenet),
    Telltale("LightCNN-29 v2", ("group1.conv_a.filter.weight", "block4.3.conv1.filter.weight", "fc.weight"),
             more=_lightcnn),
    Telltale("LightCNN-29 (first version: its fc is a max-feature-map)", ("block4.0.conv1.filter.weight",
                                                                        "fc.filter.weight")),
    Telltale("LightCNN-9 (a smaller network)", ("features.0.filter.weight", "fc1.filter.weight")),
    Telltale("FAN face alignment network", ("m0.b2_plus_1.bn1.weight", "l0.weight", "conv_last0.weight"), more=_fan),
    Telltale("S3FD face detector", ("conv1_1.weight", "conv3_3_norm.weight")),
    Telltale("VGG16", ("features.0.weight", "features.28.weight"), lacks=("features.1.weight", "features.34.weight")),
    Telltale("VGG16 up to relu4_3", ("features.0.weight", "features.21.weight"), lacks=("features.1.weight",
                                                                                    "features.24.weight")),
    Telltale("VGG16 with batch norm", ("features.0.weight", "features.1.running_mean", "features.40.weight")),
    Telltale("ResNet18", ("conv1.weight", "layer4.1.conv2.weight", "fc.weight"), lacks=("layer4.2.conv1.weight",
                                                                                   "layer1.0.conv3.weight")),
    Telltale("ResNet34", ("conv1.weight", "layer3.5.conv2.weight", "fc.weight"), lacks=("layer1.0.conv3.weight",)),
    Telltale("ResNet50 or deeper", ("conv1.weight", "layer1.0.conv3.weight", "layer4.2.conv3.weight")),
)  # fmt: skip


def looks_like(tensors: Tensors) -> str | None:
    """The name of the network that the tensors belong to, with its sizes, or ``None`` for one that is not known."""
    for telltale in TELLTALES:
        if telltale.fits(tensors):
            return telltale.title + telltale.more(tensors)
    return None

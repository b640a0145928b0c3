"""Public backbones that more than one part of the bench knows, with the tensor names of their checkpoints."""

from __future__ import annotations

import importlib
from typing import Any

BACKBONES = {"vgg16": "aubench.networks.vgg:Vgg16", "resnet18": "aubench.networks.resnet:ResNet18"}
"""By the name that ``registry.yaml`` calls them."""


def build_backbone(name: str) -> Any:
    """The backbone with random weights. Raises ``KeyError`` for a name that is not in :data:`BACKBONES`."""
    module, _, attribute = BACKBONES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()

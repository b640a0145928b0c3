"""``L_ct = |T(G(y')) − T(I)|_1`` (equation 8)."""

from __future__ import annotations

import torch
from torch import Tensor

from aubench.component import Config
from aubench.contracts import Features


class Ct:
    """The five attended maps of the drawn face against those of the image.

    The norm is the mean over a map's elements, averaged over the maps, so that neither the size of the images nor
    the width of the extractor changes what a weight means.
    """

    def __init__(self, config: Config) -> None:
        del config

    def __call__(self, *, features: Features, drawn_features: Features) -> Tensor:
        distances = [(drawn_features.maps[name] - there).abs().mean() for name, there in features.maps.items()]
        return torch.stack(distances).mean()

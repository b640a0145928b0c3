"""``L_dep = |[T(G(y')) − T(G(gbe))] − [T(I) − T(neutral)]|_1``."""

from __future__ import annotations

import torch
from torch import Tensor

from aubench.component import Config
from aubench.contracts import Features


class Departures:
    """What the AUs change in the maps of the drawn face, against what the expression changes in those of the subject.

    Skin, light and bones of drawing and photograph cancel out, each against its own calm face, which ``ct`` compares
    with each other. The norm is the mean over a map's elements, averaged over the maps.
    """

    def __init__(self, config: Config) -> None:
        del config

    def __call__(
        self,
        *,
        features: Features,
        neutral_features: Features,
        drawn_features: Features,
        emotionless_features: Features,
    ) -> Tensor:
        distances = []
        for name, there in features.maps.items():
            drawn = drawn_features.maps[name] - emotionless_features.maps[name]
            distances.append((drawn - (there - neutral_features.maps[name])).abs().mean())
        return torch.stack(distances).mean()

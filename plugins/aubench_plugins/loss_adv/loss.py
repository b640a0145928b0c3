"""``L_adv = |T_m(G(gbe)) − T_m(I_b)|_1`` (equation 12)."""

from __future__ import annotations

from torch import Tensor

from aubench.component import Config
from aubench.contracts import Features


class Adv:
    """The mouth of the emotionless face looks like the base face's, so that mouth movements are left to the AUs.

    The base face I_b is drawn by the same renderer, so that a mouth equal to it costs nothing. The norm is the mean
    over the map's elements. (The paper calls it adversarial; nothing is trained against it.)
    """

    def __init__(self, config: Config) -> None:
        del config

    def __call__(self, *, emotionless_features: Features, base_features: Features) -> Tensor:
        return (emotionless_features.maps["mouth"] - base_features.maps["mouth"]).abs().mean()

"""``L_lmk``: the mean squared error of the heatmaps (Song et al. 2020, section 3.4)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import mse_loss

from aubench.component import Config


class Lmk:
    """``mean((H(G(y')) − H(I))²)`` over faces, points and cells.

    A heatmap is zero nearly everywhere, so the mean is small: it wants a weight far above 1, as ``--losses lmk=100``.
    Which one serves best was not measured.
    """

    def __init__(self, config: Config) -> None:
        del config

    def __call__(self, *, heatmaps: Tensor, drawn_heatmaps: Tensor) -> Tensor:
        return mse_loss(drawn_heatmaps.float(), heatmaps.float())

"""``L_seq = α |x_au(t−1) − 2 x_au(t) + x_au(t+1)|_1 + β (||x_id − x_id(p)||² + ||s − s(p)||²)``, p another frame of the
same subject."""

from __future__ import annotations

from torch import Tensor

from aubench.parameters import FacialParameters

from . import SequenceConfig


class Sequence:
    """AUs of three frames at equal distances lie on a line; identity and brow style are those of any other frame.

    The first term's norm is absolute, so that few sharp bends, as an onset's, cost less than a tremble throughout. It
    is smallest for readings that never change: use it beside losses that look at the picture. Norms are means over the
    numbers and the batch.
    """

    def __init__(self, config: SequenceConfig) -> None:
        self.config = config

    def __call__(
        self,
        *,
        parameters: FacialParameters,
        before_parameters: FacialParameters,
        after_parameters: FacialParameters,
        peer_parameters: FacialParameters,
    ) -> Tensor:
        bend = (before_parameters.au - 2 * parameters.au + after_parameters.au).abs().mean()
        identity = (parameters.identity - peer_parameters.identity).square().mean()
        brow = (parameters.brow - peer_parameters.brow).square().mean()
        return self.config.au * bend + self.config.identity * (identity + brow)

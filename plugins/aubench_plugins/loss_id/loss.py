"""``L_id = 1 − cos(F_reg(G(gbe)), F_reg(I))`` (equation 9)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity

from aubench.component import Config


class Id:
    """The emotionless drawn face and the image are one person to the recogniser. In [0, 2], mean over the batch."""

    def __init__(self, config: Config) -> None:
        del config

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return 1.0 - cosine_similarity(emotionless_embedding.float(), embedding.float(), dim=1).mean()

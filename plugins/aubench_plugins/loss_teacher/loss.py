"""``L_t = |R(F_seg(I) + noise) − R̄(F_seg(I))|_1 + w |sort(R(F_seg(I) + noise)) − q|_1``, AUs only; R̄ is the average of
R's weights (Tarvainen and Valpola, 2017)."""

from __future__ import annotations

from torch import Tensor

from aubench.parameters import BASE_AU, FacialParameters

from . import TeacherConfig


class Teacher:
    """R under noise agrees with the average of its weights; and over a batch of b faces, readings of each AU in
    ascending order are those of a zero-inflated prior.

    The prior q is what the starting model reads, in ascending order too, with the lowest ``rest`` · b numbers of each
    AU at the base value: AUs are at rest in most frames, and how strong the others are is left as it was. The first
    term alone has no aim; it keeps R where it is sure.
    """

    def __init__(self, config: TeacherConfig) -> None:
        self.config = config

    def __call__(
        self,
        *,
        disturbed_parameters: FacialParameters,
        teacher_parameters: FacialParameters,
        start_parameters: FacialParameters,
    ) -> Tensor:
        read = disturbed_parameters.au.float()
        agreement = (read - teacher_parameters.au.detach()).abs().mean()
        prior = start_parameters.au.detach().float().sort(dim=0).values
        prior[: int(self.config.rest * len(read))] = BASE_AU
        return agreement + self.config.marginal * (read.sort(dim=0).values - prior).abs().mean()

"""How good a frozen network is: segmentation overlap, likeness of images, per-AU gain, verification.

Everything here is computed in float64 on the CPU side of the result, from definitions that a test can check by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aubench.contracts import PARSING_CLASSES, Engine
from aubench.parameters import AU_NAMES, BASE_AU, FacialParameters

IGNORED = 255
"""Label of pixels that count neither in training nor in evaluation."""


class Confusion:
    """Counts of (true class, predicted class) over pixels, and the overlaps that follow from them."""

    def __init__(self, classes: int = len(PARSING_CLASSES)) -> None:
        self.counts = np.zeros((classes, classes), dtype=np.int64)

    def add(self, truth: Tensor, predicted: Tensor) -> None:
        """Class indices of equal shape; pixels whose truth is :data:`IGNORED` are passed over."""
        classes = len(self.counts)
        kept = truth != IGNORED
        pairs = truth[kept].long() * classes + predicted[kept].long()
        self.counts += torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).cpu().numpy()

    def iou(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each class; NaN for one that is neither in the truth nor predicted."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hit
        overlap: npt.NDArray[np.float64] = np.full(len(hit), np.nan)
        np.divide(hit, union, out=overlap, where=union > 0)
        return overlap

    def mean_iou(self) -> float:
        """Mean over the classes that occur in the truth."""
        present = self.counts.sum(1) > 0
        return float(self.iou()[present].mean()) if present.any() else float("nan")


def psnr(image: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each image, ``-10 log10(mean squared error)``, for values in [0, 1]."""
    error = (image.double() - truth.double()).square().flatten(1).mean(1)
    return -10 * torch.log10(error.clamp_min(1e-12))


def ssim(image: Tensor, truth: Tensor) -> npt.NDArray[np.float64]:
    """Structural similarity of each image (Wang et al. 2004: Gaussian window of sigma 1.5, population statistics),
    averaged over pixels and channels."""
    from skimage import metrics

    structural_similarity: Any = metrics.structural_similarity
    pairs = zip(image.cpu().double().numpy(), truth.cpu().double().numpy(), strict=True)
    options = {"data_range": 1.0, "channel_axis": 0, "gaussian_weights": True, "use_sample_covariance": False}
    return np.array([structural_similarity(a, b, **options) for a, b in pairs])


def feature_distance(mine: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """LPIPS-like distance of each pair (b,): at every place the squared distance between feature vectors of length one,
    averaged over places, then over layers. It has none of LPIPS's learned channel weights, so compare it only with
    itself on the same features."""
    layers = []
    for a, b in zip(mine, theirs, strict=True):
        a, b = (x.float() / (x.float().square().sum(1, keepdim=True).sqrt() + 1e-6) for x in (a, b))
        layers.append((a - b).square().sum(1).mean(dim=(1, 2)))
    return torch.stack(layers).mean(0)


@dataclass(frozen=True)
class Gain:
    """How a generator redraws the change that an AU makes. ``gain`` is ``<d_g, d_e> / <d_e, d_e>`` (1: all of it, 0:
    nothing), ``correlation`` the cosine of the two changes, ``change`` the engine's mean absolute change."""

    gain: float
    correlation: float
    change: float


def au_gains(draw: Callable[[FacialParameters], Tensor], engine: Engine, faces: FacialParameters) -> dict[str, Gain]:
    """Per AU, the change from the emotionless face to the AU at 1 in game style, drawn by engine and generator, on
    ``faces`` (whose own AUs are ignored), pooled over faces.

    ``draw`` gives the generator's images (b, 3, h, w) without gradients.
    """
    neutral = faces.emotionless()
    engine_base, generator_base = engine.draw(neutral).image, draw(neutral)
    out = {}
    for index, name in enumerate(AU_NAMES):
        au = torch.full_like(neutral.au, BASE_AU)
        au[:, index] = 1.0
        moved = FacialParameters(neutral.pose, au, neutral.identity, neutral.brow)
        wanted = (engine.draw(moved).image - engine_base).double().flatten()
        drawn = (draw(moved).cpu() - generator_base.cpu()).double().flatten()
        out[name] = change_gain(drawn, wanted)
    return out


def change_gain(drawn: Tensor, wanted: Tensor) -> Gain:
    """:class:`Gain` of two flat changes; zero where either does not change at all."""
    both, own, want = float(drawn @ wanted), float(drawn @ drawn), float(wanted @ wanted)
    correlation = both / np.sqrt(own * want) if own > 0 and want > 0 else 0.0
    return Gain(both / want if want > 0 else 0.0, float(correlation), float(wanted.abs().mean()))


def verification_auc(same: npt.NDArray[np.float64], different: npt.NDArray[np.float64]) -> float:
    """Probability that a pair of the same person is more alike than a pair of different ones, ties counting half:
    the area under the ROC curve (Mann-Whitney)."""
    from scipy.stats import rankdata

    if not len(same) or not len(different):
        return float("nan")
    ranks = rankdata(np.concatenate([same, different]))
    u = ranks[: len(same)].sum() - len(same) * (len(same) + 1) / 2
    return float(u / (len(same) * len(different)))


def equal_error_rate(same: npt.NDArray[np.float64], different: npt.NDArray[np.float64]) -> float:
    """Error at the threshold where false acceptances and false rejections are equally frequent."""
    thresholds = np.unique(np.concatenate([same, different]))
    rejected = np.searchsorted(np.sort(same), thresholds, side="left") / len(same)
    accepted = 1 - np.searchsorted(np.sort(different), thresholds, side="left") / len(different)
    at = int(np.abs(rejected - accepted).argmin())
    return float((rejected[at] + accepted[at]) / 2)

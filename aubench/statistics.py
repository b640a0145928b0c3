"""How sure a mean ICC is: bootstrap over subjects.

Frames of one subject are anything but independent, so whole subjects are drawn, with replacement. Two methods are
compared on the same draws (paired).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
DRAWS = 2000


def bootstrap_icc(
    truth: npt.ArrayLike, prediction: npt.ArrayLike, subjects: Sequence[str], seed: int = 0, draws: int = DRAWS
) -> Array:
    """Mean ICC(3,1) over AUs in each of ``draws`` resamples of the subjects, (draws,).

    Of two judges, ICC(3,1) is ``2 cov / (var + var)``, so that a resample needs six sums per subject and AU only.
    An AU whose truth does not vary in a resample is left out of its mean; a resample without any AU is NaN.
    Equal subjects, seed and draws give the same resamples, whatever the predictions: subtract two results to
    compare two methods on the same frames.

    Args:
        truth: intensities (n, a), NaN where there is none.
        prediction: the same shape.
        subjects: whose frame it is, (n,).
    """
    t, p = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    kept = ~(np.isnan(t) | np.isnan(p))
    # Centred per AU, so that the sums of squares do not cancel.
    t, p = (_centred(x, kept) for x in (t, p))
    whose, index = np.unique(np.asarray(subjects), return_inverse=True)
    sums = np.zeros((len(whose), t.shape[1], 6))
    for k, term in enumerate((kept.astype(np.float64), t, p, t * t, p * p, t * p)):
        np.add.at(sums[:, :, k], index, term)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(whose), np.full(len(whose), 1 / len(whose)), size=draws).astype(np.float64)
    n, st, sp, stt, spp, stp = np.moveaxis(np.tensordot(times, sums, axes=1), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        var_t, var_p, cov = stt - st * st / n, spp - sp * sp / n, stp - st * sp / n
        icc = 2 * cov / (var_t + var_p)
        icc[~(var_t > 1e-12 * n)] = np.nan
        count = (~np.isnan(icc)).sum(axis=1)
        mean: Array = np.nansum(icc, axis=1) / np.where(count, count, np.nan)
    return mean


def _centred(values: Array, kept: npt.NDArray[np.bool_]) -> Array:
    """Each column less its mean over the kept cells; 0 in the others."""
    filled = np.where(kept, values, 0.0)
    centred: Array = np.where(kept, filled - filled.sum(axis=0) / np.maximum(kept.sum(axis=0), 1), 0.0)
    return centred


def interval(samples: npt.ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """The middle ``level`` of the samples, or None where none is defined."""
    defined = np.asarray(samples, np.float64)
    defined = defined[~np.isnan(defined)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

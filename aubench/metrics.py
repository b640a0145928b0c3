"""Agreement of predicted with true intensities, in float64 and plain numpy.

Every function of ``(truth, prediction)`` takes two sequences of ``n`` numbers, drops the pairs in which either is NaN,
and returns a :class:`Score`: a ``float`` that also knows how many pairs it rests on and, where the data are
degenerate, a note that says so. The rules, one for all:

* fewer than two pairs (one for the errors MAE and MSE): NaN, note "undefined: ...";
* one side constant: nothing varies together, so agreement is 0. The formulas of ICC and CCC say so; PCC, which
  would divide by zero, is given the same 0. The note names the constant side;
* both sides constant: 0 / 0 for ICC, PCC and CCC: NaN, note "undefined: ...".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from aubench.types import Array

Form = Literal["2,1", "3,1"]
NOTHING = "undefined: no frame with both truth and prediction"
ONE_FRAME = "undefined: fewer than two frames with both truth and prediction"
BOTH_CONSTANT = "undefined: truth and prediction are both constant"
CONSTANT_TRUTH = "truth is constant"
CONSTANT_PREDICTION = "prediction is constant"


class Score(float):
    """A float with ``n``, the number of pairs behind it, and ``note``, empty unless the data are degenerate."""

    n: int
    note: str

    def __new__(cls, value: float, n: int, note: str = "") -> Score:
        score = super().__new__(cls, value)
        score.n, score.note = n, note
        return score

    def __repr__(self) -> str:
        note = f", note={self.note!r}" if self.note else ""
        return f"Score({float(self)!r}, n={self.n}{note})"


def _pairs(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Array:
    """Both as a table (n, 2) without NaN. Raises ``ValueError`` for other shapes or infinite numbers."""
    x, y = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"truth and prediction are two lists of equal length, not {x.shape} and {y.shape}")
    return _complete_rows(np.stack([x, y], axis=1))


def _complete_rows(table: Array) -> Array:
    if np.isinf(table).any():
        raise ValueError("infinite intensity")
    kept: Array = table[~np.isnan(table).any(axis=1)]
    return kept


def _normalised(table: Array) -> Array:
    """The table with mean 0 and largest magnitude 1, so that no square underflows. Not for a constant table."""
    centred = table - table.mean()
    scaled: Array = centred / np.abs(centred).max()
    return scaled


def _degenerate(table: Array) -> Score | None:
    """What the module's rules say about two columns, or None where the formula has a say."""
    if len(table) < 2:
        return Score(np.nan, len(table), ONE_FRAME)
    truth, prediction = (np.ptp(table, axis=0) == 0).tolist()
    if truth and prediction:
        return Score(np.nan, len(table), BOTH_CONSTANT)
    if truth or prediction:
        return Score(0.0, len(table), CONSTANT_TRUTH if truth else CONSTANT_PREDICTION)
    return None


def icc(table: npt.ArrayLike, form: Form) -> Score:
    r"""Intraclass correlation of single ratings: ``n`` targets by ``k`` judges.

    With the mean squares between targets (BMS), between judges (JMS) and of the residual (EMS),

    .. math::
        ICC(2,1) = \frac{BMS - EMS}{BMS + (k-1) EMS + k (JMS - EMS) / n} \qquad
        ICC(3,1) = \frac{BMS - EMS}{BMS + (k-1) EMS}

    ICC(3,1) measures *consistency*: a judge who always adds two is not punished. ICC(2,1) measures absolute
    agreement. Source: Shrout and Fleiss (1979), Psychological Bulletin 86(2), 420-428.

    Args:
        table: ratings (n, k), k at least 2; rows with a NaN are dropped.
        form: "2,1" or "3,1".

    Example:
        >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
        >>> round(icc(ratings, "3,1"), 4), round(icc(ratings, "2,1"), 4)
        (0.7148, 0.2898)
    """
    ratings = np.asarray(table, np.float64)
    if ratings.ndim != 2 or ratings.shape[1] < 2:
        raise ValueError(f"ratings are (n targets, k >= 2 judges), not {ratings.shape}")
    if form not in ("2,1", "3,1"):
        raise ValueError(f"form is '2,1' or '3,1', not {form!r}")
    ratings = _complete_rows(ratings)
    n, k = ratings.shape
    if n < 2:
        return Score(np.nan, n, ONE_FRAME)
    if not np.ptp(ratings, axis=0).any():
        return Score(np.nan, n, "undefined: every judge's rating is constant")
    ratings = _normalised(ratings)
    targets, judges = ratings.mean(axis=1, keepdims=True), ratings.mean(axis=0, keepdims=True)
    between = k * np.sum(targets**2) / (n - 1)
    residual = np.sum((ratings - targets - judges) ** 2) / ((n - 1) * (k - 1))
    below = between + (k - 1) * residual
    if form == "2,1":
        below += k * (n * np.sum(judges**2) / (k - 1) - residual) / n
    if below <= 0:  # two targets on which two judges contradict each other exactly
        return Score(np.nan, n, "undefined: no variance between targets or judges")
    return Score((between - residual) / below, n)


def icc_3_1(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    """ICC(3,1), consistency, of two judges: see :func:`icc`.

    Example:
        >>> round(icc_3_1([0, 1, 2, 3], [2, 3, 4, 5]), 4)
        1.0
        >>> icc_3_1([0, 1, 2, 3], [0, 0, 0, 0])
        Score(0.0, n=4, note='prediction is constant')
    """
    table = _pairs(truth, prediction)
    degenerate = _degenerate(table)
    return icc(table, "3,1") if degenerate is None else degenerate


def icc_2_1(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    """ICC(2,1), absolute agreement, of two judges: see :func:`icc`.

    Example:
        >>> round(icc_2_1([0, 1, 2, 3], [2, 3, 4, 5]), 4)
        0.4545
    """
    table = _pairs(truth, prediction)
    degenerate = _degenerate(table)
    return icc(table, "2,1") if degenerate is None else degenerate


def mae(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    r"""Mean absolute error, :math:`\frac{1}{n} \sum |t - p|`, in intensity steps.

    Alone it rewards predicting nothing: most frames of most AUs are 0.

    Example:
        >>> mae([0, 1, 2], [1, 1, 0])
        Score(1.0, n=3)
    """
    table = _pairs(truth, prediction)
    if not len(table):
        return Score(np.nan, 0, NOTHING)
    return Score(float(np.abs(table[:, 0] - table[:, 1]).mean()), len(table))


def mse(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    r"""Mean squared error, :math:`\frac{1}{n} \sum (t - p)^2`, in squared intensity steps.

    Example:
        >>> mse([0, 1, 2], [1, 1, 0])
        Score(1.6666666666666667, n=3)
    """
    table = _pairs(truth, prediction)
    if not len(table):
        return Score(np.nan, 0, NOTHING)
    return Score(float(((table[:, 0] - table[:, 1]) ** 2).mean()), len(table))


def pcc(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    r"""Pearson's correlation, :math:`s_{tp} / (s_t s_p)`.

    Example:
        >>> round(pcc([0, 1, 2, 3], [0, 2, 4, 6]), 12)
        1.0
    """
    table = _pairs(truth, prediction)
    if (degenerate := _degenerate(table)) is not None:
        return degenerate
    t, p = _normalised(table[:, 0]), _normalised(table[:, 1])
    return Score(float(np.clip(t @ p / np.sqrt((t @ t) * (p @ p)), -1.0, 1.0)), len(table))


def ccc(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Score:
    r"""Concordance correlation, :math:`2 s_{tp} / (s_t^2 + s_p^2 + (\bar t - \bar p)^2)`, with variances over n.

    Source: Lin (1989), Biometrics 45(1), 255-268.

    Example:
        >>> round(ccc([0, 1, 2, 3], [2, 3, 4, 5]), 4)
        0.3846
    """
    table = _pairs(truth, prediction)
    if (degenerate := _degenerate(table)) is not None:
        return degenerate
    table = _normalised(table)
    mean = table.mean(axis=0)
    centred = table - mean
    covariance = (centred[:, 0] * centred[:, 1]).mean()
    return Score(float(2 * covariance / ((centred**2).mean(axis=0).sum() + (mean[0] - mean[1]) ** 2)), len(table))


METRICS = {"icc31": icc_3_1, "icc21": icc_2_1, "mae": mae, "mse": mse, "pcc": pcc, "ccc": ccc}
"""By the names that reports use. All but the two errors are agreements: larger is better."""
ERRORS = ("mae", "mse")


def per_au(truth: Array, prediction: Array, aus: Sequence[str]) -> dict[str, dict[str, Score]]:
    """Every metric of every AU: columns of two tables (n, a) in the order of ``aus``."""
    return {
        au: {name: metric(truth[:, i], prediction[:, i]) for name, metric in METRICS.items()}
        for i, au in enumerate(aus)
    }


def mean_over_aus(scores: Mapping[str, Mapping[str, Score]]) -> dict[str, Score]:
    """The mean of each metric over the AUs; ``n`` is the number of AUs in it.

    An AU whose truth never changes has no agreement to measure, whatever is predicted: it is left out of the
    means of ICC, PCC and CCC (so that every method is averaged over the same AUs), and the note names it. So is an
    AU whose score is undefined for another reason.
    """
    means = {}
    for name in METRICS:
        out = [au for au, s in scores.items() if np.isnan(s[name]) or s[name].note == CONSTANT_TRUTH]
        kept = [float(s[name]) for au, s in scores.items() if au not in out]
        note = f"agreement without {', '.join(out)}" if out else ""
        means[name] = (
            Score(float(np.mean(kept)), len(kept), note) if kept else Score(np.nan, 0, "undefined: no AU left")
        )
    return means

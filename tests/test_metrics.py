"""Metrics against published numbers, another implementation, and their own definitions; and every degenerate case."""

from __future__ import annotations

import doctest
import math
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from aubench import metrics

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
AGREEMENTS = [metrics.icc_3_1, metrics.icc_2_1, metrics.pcc, metrics.ccc]
EVERY = [*AGREEMENTS, metrics.mae, metrics.mse]


@pytest.fixture(autouse=True)
def _no_silent_division() -> Iterator[None]:
    with np.errstate(all="raise", under="ignore"):
        yield


def test_doctests() -> None:
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(metrics).attempted >= 8


def test_icc_of_the_table_of_shrout_and_fleiss() -> None:
    assert metrics.icc(SHROUT_FLEISS, "3,1") == pytest.approx(0.7148, abs=5e-5)
    assert metrics.icc(SHROUT_FLEISS, "2,1") == pytest.approx(0.2898, abs=5e-5)


@pytest.mark.parametrize(("n", "k", "seed"), [(5, 2, 0), (40, 2, 1), (30, 5, 2), (200, 3, 3)])
def test_icc_is_pingouins(n: int, k: int, seed: int) -> None:
    pd = pytest.importorskip("pandas")
    pingouin = pytest.importorskip("pingouin")
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n, 1)) + rng.normal(size=(n, k)) + rng.normal(size=k)
    long = pd.DataFrame({"target": np.repeat(np.arange(n), k), "judge": np.tile(np.arange(k), n), "x": table.ravel()})
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        theirs = pingouin.intraclass_corr(long, "target", "judge", "x").set_index("Type")["ICC"]
    # pingouin before 0.6 called them ICC2 and ICC3.
    absolute, consistent = (next(theirs[name] for name in pair if name in theirs) for pair in
                            (("ICC(A,1)", "ICC2"), ("ICC(C,1)", "ICC3")))  # fmt: skip
    assert float(metrics.icc(table, "2,1")) == pytest.approx(absolute, abs=1e-12)
    assert float(metrics.icc(table, "3,1")) == pytest.approx(consistent, abs=1e-12)
    if k == 2:
        assert float(metrics.icc_2_1(*table.T)) == pytest.approx(absolute, abs=1e-12)
        assert float(metrics.icc_3_1(*table.T)) == pytest.approx(consistent, abs=1e-12)


def test_against_definitions() -> None:
    rng = np.random.default_rng(7)
    t, p = rng.uniform(0, 5, 100), rng.uniform(0, 5, 100)
    assert metrics.pcc(t, p) == pytest.approx(np.corrcoef(t, p)[0, 1], abs=1e-14)
    assert metrics.mae(t, p) == pytest.approx(np.mean(np.abs(t - p)), abs=1e-14)
    assert metrics.mse(t, p) == pytest.approx(np.mean((t - p) ** 2), abs=1e-14)
    expected = 2 * np.cov(t, p, ddof=0)[0, 1] / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)
    assert metrics.ccc(t, p) == pytest.approx(expected, abs=1e-14)


def test_consistency_forgives_an_offset_and_agreement_does_not() -> None:
    rng = np.random.default_rng(1)
    t = rng.uniform(0, 5, 500)
    p = t + 2.0
    assert metrics.icc_3_1(t, p) == pytest.approx(1.0)
    assert metrics.pcc(t, p) == pytest.approx(1.0)
    assert metrics.icc_2_1(t, p) < 0.8
    assert metrics.ccc(t, p) < 0.8


@pytest.mark.parametrize("metric", EVERY)
def test_pairs_with_nan_are_dropped_and_counted(metric) -> None:
    t, p = [0.0, 1.0, 2.0, 5.0], [0.5, 1.0, 3.0, 4.0]
    holes = metric([*t, np.nan, 3.0, np.nan], [*p, 2.0, np.nan, np.nan])
    assert (float(holes), holes.n, holes.note) == (float(metric(t, p)), 4, "")


@pytest.mark.parametrize("metric", AGREEMENTS)
@pytest.mark.parametrize(
    ("truth", "prediction", "value", "note"),
    [
        ([0, 1, 2, 5], [0, 0, 0, 0], 0.0, metrics.CONSTANT_PREDICTION),
        ([0, 1, 2, 5], [0.1, 0.1, 0.1, 0.1], 0.0, metrics.CONSTANT_PREDICTION),
        ([0, 0, 0, 0], [0, 1, 2, 5], 0.0, metrics.CONSTANT_TRUTH),
        ([0, 0, 0, 0], [0, 0, 0, 0], None, metrics.BOTH_CONSTANT),
        ([0, 0, 0, 0], [2, 2, 2, 2], None, metrics.BOTH_CONSTANT),
        ([1], [2], None, metrics.ONE_FRAME),
        ([], [], None, metrics.ONE_FRAME),
        ([np.nan, 1, 2], [1, np.nan, 2], None, metrics.ONE_FRAME),
    ],
)
def test_degenerate_agreement_is_defined_and_said(metric, truth, prediction, value, note) -> None:
    score = metric(truth, prediction)
    assert score.note == note
    assert math.isnan(score) if value is None else float(score) == value


def test_degenerate_errors_are_defined_and_said() -> None:
    assert metrics.mae([0, 0], [2, 2]) == 2.0
    assert metrics.mse([1], [3]) == 4.0
    nothing = metrics.mae([np.nan], [1])
    assert math.isnan(nothing)
    assert (nothing.n, nothing.note) == (0, metrics.NOTHING)


def test_tiny_variations_do_not_underflow() -> None:
    t = np.array([0.0, 1.0, 2.0, 3.0]) * 1e-200
    for metric in AGREEMENTS:
        assert metric(t, t) == pytest.approx(1.0)


def test_icc_two_judges_who_contradict_each_other_exactly() -> None:
    assert metrics.icc_3_1([0, 1], [1, 0]) == pytest.approx(-1.0)
    score = metrics.icc_2_1([0, 1], [1, 0])
    assert math.isnan(score)
    assert score.note.startswith("undefined")


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="equal length"):
        metrics.mae([1, 2], [1])
    with pytest.raises(ValueError, match="infinite"):
        metrics.icc_3_1([1, 2, 3], [1, np.inf, 3])
    with pytest.raises(ValueError, match="k >= 2"):
        metrics.icc([[1], [2]], "3,1")
    with pytest.raises(ValueError, match="form"):
        metrics.icc(SHROUT_FLEISS, "1,1")  # type: ignore[arg-type]


def test_means_are_over_the_same_aus_whatever_is_predicted() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([rng.uniform(0, 5, 50), rng.uniform(0, 5, 50), np.zeros(50)], axis=1)
    aus = ["AU01", "AU02", "AU09"]
    noisy = truth + rng.normal(size=truth.shape)
    still = noisy.copy()
    still[:, 2] = 0.0
    means = [metrics.mean_over_aus(metrics.per_au(truth, p, aus)) for p in (noisy, still)]
    expected = np.mean([metrics.icc_3_1(truth[:, i], noisy[:, i]) for i in (0, 1)])
    for mean in means:
        assert float(mean["icc31"]) == pytest.approx(expected, abs=1e-15)
        assert (mean["icc31"].n, mean["icc31"].note) == (2, "agreement without AU09")
        assert (mean["mae"].n, mean["mae"].note) == (3, "")
    # A constant prediction of an AU that does vary counts as the nothing that it is.
    still[:, 0] = 1.0
    halved = metrics.mean_over_aus(metrics.per_au(truth, still, aus))["icc31"]
    assert float(halved) == pytest.approx(metrics.icc_3_1(truth[:, 1], still[:, 1]) / 2)


def test_mean_without_any_au() -> None:
    flat = np.zeros((5, 1))
    mean = metrics.mean_over_aus(metrics.per_au(flat, flat, ["AU01"]))
    assert math.isnan(mean["icc31"])
    assert mean["icc31"].note == "undefined: no AU left"
    assert mean["mae"] == 0.0

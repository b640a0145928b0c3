"""Reports: functions of the tables on disk, complete, and honest about what is undefined."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import refused
from run_folder import AUS, make_run

from aubench import metrics, results, statistics
from aubench.report import markdown, write_report
from aubench.report.schema import Report


def test_a_report_is_complete(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0.5)
    ridge = results.read_predictions(run / "predictions.csv")
    ridge.loc[:9, "valid"] = False
    results.write_table(tmp_path / "ridge.csv", ridge)
    (run / "figure.png").write_bytes(b"png")
    facts = {"command": "aubench train", "seed": 3, "commit": "abc123", "machine": {"cpu": "x", "cores": 2},
             "odd": np.nan, "wall_s": 61.5, "config": {"losses": {"ct": np.float32(0.5)}, "out": run}}  # fmt: skip
    report = write_report(run, extra={"ridge": tmp_path / "ridge.csv"}, facts=facts)
    text = (run / "report.json").read_text()
    assert "NaN" not in text
    assert json.loads(text) == report.to_dict()
    assert Report.read(run / "report.json") == report
    assert report.wall_s == 61.5
    assert report.model_extra == {"odd": None, "config": {"losses": {"ct": 0.5}, "out": str(run)}}
    synth = report.datasets["synth"]
    assert (synth.frames, synth.subjects, list(synth.aus)) == (270, 9, AUS)
    assert list(report.rows) == ["raw", "calibrated", "ridge", "zero", "mean"]
    assert report.rows["ridge"].datasets["synth"].scored == 260

    page = (run / "report.md").read_text()
    truth, predictions = results.read_truth(run / "truth.csv"), results.read_predictions(run / "predictions.csv")
    assert f"| AU12 | lip corner puller | {metrics.icc_3_1(truth['AU12'], predictions['AU12']):.3f} |" in page
    for words in ("ICC(3,1)", "ICC(2,1)", "constant zero", "an oracle", "calibrated per subject", "![", "figure.png",
                  "`aubench train`", "seed: 3", "abc123", "cores 2", "62 s", "losses:"):  # fmt: skip
        assert words in page, words


def test_a_report_shows_what_is_undefined(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0.5)
    for name in ("truth.csv", "predictions.csv"):
        table = pd.read_csv(run / name)
        table["AU04"] = 0
        results.write_table(run / name, table)
    report = write_report(run)
    assert report.datasets["synth"].aus["AU04"].icc31 is None
    page = (run / "report.md").read_text()
    assert "| AU04 [1] | brow lowerer | – | – | 0.000 |" in page
    assert "[1] AU04: undefined: truth and prediction are both constant." in page
    assert "[2] mean: agreement without AU04." in page


def test_facts_may_not_hide_scores(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="datasets"):
        write_report(make_run(tmp_path / "run", 0.5), facts={"datasets": {}})


def test_an_unfinished_run_has_no_report(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0.5)
    (run / "predictions.csv").unlink()
    with refused("file-missing", "predictions.csv"):
        write_report(run)
    assert not (run / "report.json").exists()


def test_numbers_and_tables_for_people() -> None:
    assert [markdown.number(x) for x in (None, 0.12345, -0.0001, -0.25, 1)] == [
        "–",
        "0.123",
        "0.000",
        "-0.250",
        "1.000",
    ]
    assert markdown.table(["a", "b", "c"], [["x|y", "", "1"]]).splitlines() == [
        "| a | b | c |", "| --- | --- | ---: |", "| x\\|y |  | 1 |",
    ]  # fmt: skip


def test_bootstrap_of_whole_subjects() -> None:
    rng = np.random.default_rng(0)
    subjects = np.repeat(list("abcdefghi"), 40)
    truth = rng.uniform(0, 5, (360, 2))
    prediction = truth + rng.normal(0, 1, truth.shape)
    samples = statistics.bootstrap_icc(truth, prediction, subjects, draws=500)
    point = np.mean([metrics.icc_3_1(truth[:, i], prediction[:, i]) for i in range(2)])
    low, high = statistics.interval(samples)
    assert low < point < high
    assert high - low < 0.1
    assert np.array_equal(samples, statistics.bootstrap_icc(truth, prediction, subjects, draws=500))
    # Only one subject: every resample is the data themselves, so that the sums must give the metric exactly.
    holes = np.where(rng.random(truth.shape) < 0.1, np.nan, prediction)
    same = statistics.bootstrap_icc(truth, holes, ["a"] * 360, draws=3)
    expected = np.mean([metrics.icc_3_1(truth[:, i], holes[:, i]) for i in range(2)])
    assert same == pytest.approx(np.full(3, expected), abs=1e-12)


def test_bootstrap_leaves_constant_truth_out() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([rng.uniform(0, 5, 50), np.full(50, 0.1)], axis=1)
    prediction = truth + rng.normal(0, 1, truth.shape)
    alone = statistics.bootstrap_icc(truth[:, :1], prediction[:, :1], ["a"] * 50, draws=2)
    assert statistics.bootstrap_icc(truth, prediction, ["a"] * 50, draws=2) == pytest.approx(alone)
    nothing = statistics.bootstrap_icc(truth[:, 1:], prediction[:, 1:], ["a"] * 50, draws=2)
    assert np.isnan(nothing).all()
    assert statistics.interval(nothing) is None

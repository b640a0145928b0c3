"""Reports and comparisons: functions of the tables on disk, complete, and honest about what is undefined."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from aubench import metrics, results, statistics
from aubench.cli import main
from aubench.errors import UserError
from aubench.report import compare, markdown, runs, write_report

AUS = ["AU01", "AU04", "AU12"]


def make_run(folder: Path, noise: float, seed: int = 0, config: dict | None = None, age: float = 0.0) -> Path:
    """A run folder of nine subjects whose predictions miss the truth by ``noise``."""
    truth = pd.DataFrame({"dataset": "synth", "subject": np.repeat([f"S{i:02d}" for i in range(9)], 30),
                          "sequence": "a", "frame": np.tile(np.arange(30), 9)})  # fmt: skip
    true = np.clip(np.random.default_rng(99).normal(0, 2, (270, 3)), 0, 5)
    truth[AUS] = true
    predictions = truth.copy()
    predictions[AUS] = np.clip(true + np.random.default_rng(seed).normal(0, noise, true.shape), 0, 5)
    predictions["valid"] = True
    folder.mkdir(parents=True)
    results.write_table(folder / "truth.csv", truth)
    results.write_table(folder / "predictions.csv", predictions)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if age:
        stamp = (folder / "predictions.csv").stat().st_mtime - age
        os.utime(folder / "predictions.csv", (stamp, stamp))
    return folder


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
    assert json.loads(text) == report
    assert (report["wall_s"], report["odd"], report["config"]["losses"]["ct"]) == (61.5, None, 0.5)
    assert report["config"]["out"] == str(run)
    synth = report["datasets"]["synth"]
    assert (synth["frames"], synth["subjects"], list(synth["aus"])) == (270, 9, AUS)
    assert list(report["rows"]) == ["raw", "calibrated", "ridge", "zero", "mean"]
    assert report["rows"]["ridge"]["datasets"]["synth"]["scored"] == 260

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
    assert report["datasets"]["synth"]["aus"]["AU04"]["icc31"] is None
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
    with pytest.raises(UserError, match=r"predictions\.csv: no such file"):
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


def test_runs_are_ranked_beside_constants(tmp_path: Path) -> None:
    opened = [runs.open_run(make_run(tmp_path / name, noise)) for name, noise in (("bad", 2.0), ("good", 0.3))]
    here = compare.compare(opened, ["synth"])["datasets"]["synth"]
    assert [row["name"] for row in here["rows"]] == ["good", "bad", "zero", "mean"]
    assert here["best"] == "good"
    good, bad, zero, _ = here["rows"]
    assert good["interval"][0] < good["mean"]["icc31"] < good["interval"][1]
    assert bad["behind"][1] < 0
    assert zero["mean"]["icc31"] == 0.0
    page = compare.page({"command": "aubench compare", "date": "today", "datasets": {"synth": here}})
    assert page.index("| good |") < page.index("| bad |") < page.index("| zero |")


def test_runs_of_equal_name_are_told_apart(tmp_path: Path) -> None:
    opened = [runs.open_run(make_run(tmp_path / place / "run", 0.5, seed)) for seed, place in enumerate("ab")]
    names = [row["name"] for row in compare.compare(opened, ["synth"])["datasets"]["synth"]["rows"][:2]]
    assert sorted(names) == sorted(str(run.folder) for run in opened)


def test_the_newest_of_each_combination(tmp_path: Path) -> None:
    make_run(tmp_path / "ct-old", 0.5, config={"losses": ["ct"], "seed": 0}, age=100)
    make_run(tmp_path / "ct-new", 0.5, config={"losses": ["ct"], "seed": 1}, age=50)
    make_run(tmp_path / "id", 0.5, config={"losses": ["id"], "seed": 0}, age=10)
    make_run(tmp_path / "stranger", 0.5)
    (tmp_path / "unfinished").mkdir()
    found = runs.find_runs(tmp_path)
    assert [folder.name for folder in found] == ["ct-old", "ct-new", "id", "stranger"]
    assert [folder.name for folder in runs.newest_of_each(found)] == ["ct-new", "id", "stranger"]


def test_seeds_of_one_combination_and_baselines(tmp_path: Path) -> None:
    losses = {"losses": {"ct": 1.0, "id": 0.1}, "recipe": "default"}
    for seed in range(3):
        make_run(tmp_path / f"full-{seed}", 0.5, seed, {**losses, "seed": seed})
    without = make_run(tmp_path / "without", 1.0, 0, {"losses": {"ct": 1.0}, "recipe": "default", "seed": 0})
    ridge = results.read_predictions(make_run(tmp_path / "ridge", 2.0) / "predictions.csv")
    write_report(without, extra={"ridge": ridge})
    opened = [runs.open_run(tmp_path / name) for name in ("without", "full-0", "full-1", "full-2")]
    here = compare.compare(opened, ["synth"])["datasets"]["synth"]
    full, other = here["combinations"]
    assert (full["label"], other["label"]) == ("default: ct+id", "default: ct")
    assert full["runs"] == ["full-0", "full-1", "full-2"]
    scores = [row["mean"]["icc31"] for row in here["rows"] if row["name"].startswith("full")]
    assert full["icc31"] == pytest.approx(np.mean(scores))
    assert full["icc31_sd"] == pytest.approx(np.std(scores, ddof=1))
    assert other["icc31_sd"] is None
    assert [row["name"] for row in here["rows"]][3:] == ["without", "ridge", "zero", "mean"]
    page = compare.page({"datasets": {"synth": here}})
    assert f"| default: ct+id | full-0, full-1, full-2 | {full['icc31']:.3f} ± {full['icc31_sd']:.3f} |" in page
    assert "baseline, fitted with without" in page
    assert compare.compare(opened[:2], ["synth"])["datasets"]["synth"]["combinations"] == []


def test_compare_from_the_command_line(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare"]) == 2
    assert "no finished run under ./runs; make one with `aubench train" in capsys.readouterr().err

    make_run(Path("runs/one"), 0.3)
    make_run(Path("runs/two"), 1.0, seed=1)
    assert main(["compare", "--datasets", "synth", "--out", "page"]) == 0
    out = capsys.readouterr().out
    assert out.index("one") < out.index("two") < out.index("zero")
    written = json.loads(Path("page/comparison.json").read_text())
    assert [row["name"] for row in written["datasets"]["synth"]["rows"]] == ["one", "two", "zero", "mean"]
    assert "### synth: ICC(3,1) per action unit" in Path("page/comparison.md").read_text()

    # The shell's way of writing `--runs runs/*`; the default folder of the page.
    assert main(["compare", "--runs", "runs/one", "runs/two"]) == 0
    (folder,) = Path("reports").iterdir()
    assert folder.name.startswith("compare-20")
    assert folder.name.endswith("-synth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "sinth"], "no run has predictions for data set 'sinth'. Did you mean synth?"),
        (["--datasets", ","], "--datasets is empty"),
        (["--runs", "nowhere"], "nowhere: no such run folder; make one with `aubench train"),
        (
            ["--runs", "runs/unfinished"],
            "runs/unfinished: no predictions.csv, so the run is not finished; `aubench train --resume",
        ),
        (["--runs", "runs/torn"], "torn/report.json: cannot be read"),
        (["--runs", "runs/one", "runs/other"], "hold different test frames or labels of 'synth'"),
    ],
)
def test_compare_refuses_in_one_line(tmp_path: Path, monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/one"), 0.3)
    (make_run(Path("runs/torn"), 0.3) / "report.json").write_text('{"datasets": ')
    Path("runs/unfinished").mkdir()
    Path("runs/unfinished/config.yaml").write_text("seed: 0")
    make_run(Path("runs/other"), 0.3)
    table = results.read_truth("runs/other/truth.csv")
    table.loc[0, "AU01"] = 4.5
    results.write_table("runs/other/truth.csv", table)
    if arguments[0] == "--datasets":
        (tmp_path / "runs/torn/report.json").unlink()
    assert main(["compare", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert error.startswith("error: ")


def test_runs_on_older_data_are_left_out_by_default(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    table = results.read_truth(make_run(Path("runs/old"), 0.3) / "truth.csv")
    table.loc[0, "AU01"] = 4.5
    results.write_table("runs/old/truth.csv", table)
    os.utime("runs/old/predictions.csv", (1, 1))
    make_run(Path("runs/new"), 0.3)
    assert main(["compare", "--out", "page"]) == 0
    assert "left out: runs/old" in capsys.readouterr().err
    rows = json.loads(Path("page/comparison.json").read_text())["datasets"]["synth"]["rows"]
    assert [row["name"] for row in rows] == ["new", "zero", "mean"]

"""Runs side by side: found, read, grouped by combination, ranked beside constants, and the command line around it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import assert_refused
from run_folder import make_run

from aubench import results
from aubench.cli import main
from aubench.compare import baselines, comparison, markdown, runs
from aubench.compare.method import from_runs
from aubench.compare.schema import Comparison, ReportedRow
from aubench.report import write_report

LOSSES = {"losses": {"ct": 1.0, "id": 0.1}, "recipe": "default"}


def compared(opened: list[runs.Run], **settings: Any) -> dict[str, Any]:
    truths = {"synth": comparison.truth_of_runs(opened, "synth")}
    reported = {"synth": [ReportedRow.of(n, n, t) for run in opened for n, t in run.baselines("synth").items()]}
    done, _ = comparison.compare(from_runs(opened), truths, comparison.Settings(draws=300, **settings), reported)
    return done.to_dict()


def page_of(done: dict[str, Any]) -> str:
    return markdown.page(Comparison.model_validate(done))


def test_runs_are_ranked_beside_constants(tmp_path: Path) -> None:
    opened = [runs.open_run(make_run(tmp_path / name, noise)) for name, noise in (("bad", 2.0), ("good", 0.3))]
    done = compared(opened)
    here = done["datasets"]["synth"]
    assert [row["name"] for row in here["rows"]] == ["good", "bad", "zero", "mean"]
    assert here["best"] == "good"
    good, bad, zero, mean = here["rows"]
    assert good["interval"][0] < good["mean"]["icc31"] < good["interval"][1]
    assert bad["behind"][1] < 0
    assert zero["mean"]["icc31"] == 0.0
    assert (good["marks"]["icc31"]["mean"], bad["marks"]["icc31"]["mean"]) == (1, 2)
    assert zero["marks"]["icc31"] == {}
    assert mean["marks"]["mae"] == {}, "an oracle cannot win"
    page = page_of({"command": "aubench compare", "date": "today", **done})
    assert page.index("| good |") < page.index("| bad |") < page.index("| zero |")


def test_readings_against_calm_frames_are_a_row_of_another_protocol(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 1.0)
    table = results.read_predictions(folder / results.PREDICTIONS)
    results.write_table(folder / results.PERSON, results.read_truth(folder / results.TRUTH).assign(valid=True))
    assert len(table)
    done = compared([runs.open_run(folder), runs.open_run(make_run(tmp_path / "other", 2.0))])
    here = done["datasets"]["synth"]
    rows = {row["name"]: row for row in here["rows"]}
    assert rows["run, person"]["mean"]["icc31"] == pytest.approx(1.0)
    assert rows["run"]["protocol"] == rows["other"]["protocol"] != rows["run, person"]["protocol"]
    assert here["best"] == "run"  # the headline is read without the subject's other frames
    differing = next(group["differs"] for group in here["groups"] if group["rows"][0] == "run, person")
    assert "calm" in differing
    assert "run, person" in page_of({"command": "aubench compare", "date": "today", **done})


def test_a_constant_may_have_the_smallest_error(tmp_path: Path) -> None:
    opened = [runs.open_run(make_run(tmp_path / name, noise)) for name, noise in (("a", 4.0), ("b", 5.0))]
    zero = compared(opened)["datasets"]["synth"]["rows"][2]
    assert zero["marks"]["mae"]["mean"] == 1


def test_runs_of_equal_name_are_told_apart(tmp_path: Path) -> None:
    opened = [runs.open_run(make_run(tmp_path / place / "run", 0.5, seed)) for seed, place in enumerate("ab")]
    names = [row["name"] for row in compared(opened)["datasets"]["synth"]["rows"][:2]]
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


def test_seeds_are_averaged_and_never_picked(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / f"full-{seed}", 0.5 + 0.2 * seed, seed, {**LOSSES, "seed": seed})
    make_run(tmp_path / "without", 0.65, 0, {"losses": {"ct": 1.0}, "recipe": "default", "seed": 0})
    opened = [runs.open_run(tmp_path / name) for name in ("without", "full-0", "full-1", "full-2")]
    done = compared(opened)
    full = next(r for r in done["datasets"]["synth"]["rows"] if r["name"] == "default: ct+id")
    alone = [compared([run])["datasets"]["synth"]["rows"][0] for run in opened[1:]]
    scores = [row["mean"]["icc31"] for row in alone]
    assert [seed["name"] for seed in full["seeds"]] == ["full-0", "full-1", "full-2"]
    assert full["mean"]["icc31"] == pytest.approx(np.mean(scores))
    assert full["mean"]["icc31_sd"] == pytest.approx(np.std(scores, ddof=1))
    assert full["aus"]["AU04"]["mae"] == pytest.approx(np.mean([row["aus"]["AU04"]["mae"] for row in alone]))
    # An interval over people and seeds is wider than one seed's.
    assert np.ptp(full["interval"]) > max(np.ptp(row["interval"]) for row in alone)
    spread = full["mean"]["icc31_sd"]
    assert f" ± {spread:.3f}" in page_of(done)


def test_a_run_less_one_loss_is_called_so(tmp_path: Path) -> None:
    whole = {"recipe": "default", "losses": {"ct": 1.0, "id": 0.1, "lp": 0.1}, "datasets": [{"name": "synth"}]}
    for name, losses, more in (
        ("all", whole["losses"], {}), ("a", {"ct": 1.0, "lp": 0.1}, {}), ("b", {"ct": 1.0, "lp": 0.5}, {}),
        ("c", {"ct": 1.0, "lp": 0.1}, {"preset": "paper"}),
    ):  # fmt: skip
        make_run(tmp_path / name, 0.5, 0, {**whole, "losses": losses, **more})
    methods = from_runs([runs.open_run(tmp_path / name) for name in ("all", "a", "b", "c")])
    assert {m.name: m.label for m in methods} == {
        "all": "default: ct+id+lp", "a": "without id", "b": "default: ct+lp", "c": "default: ct+lp",
    }  # fmt: skip


def test_a_repetition_of_a_seed_is_no_second_seed(tmp_path: Path) -> None:
    for name in ("first", "again"):
        make_run(tmp_path / name, 0.5, 0, {**LOSSES, "seed": 0})
    methods = from_runs([runs.open_run(tmp_path / name) for name in ("first", "again")])
    assert [[m.name for m in method.members] for method in methods] == [["first"], ["again"]]


def test_baselines_of_a_run_with_and_without_their_predictions(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 0.5, config={**LOSSES, "seed": 0, "datasets": [{"name": "synth"}]})
    ridge = results.read_predictions(make_run(tmp_path / "ridge", 2.0) / "predictions.csv")
    write_report(run, extra={"ridge": ridge})
    here = compared([runs.open_run(run)])["datasets"]["synth"]
    assert [row["name"] for row in here["reported"]] == ["ridge"]
    assert "behind" not in here["reported"][0]
    results.write_table(run / "baselines" / "ridge.csv", ridge)
    (run / "baselines" / "about.json").write_text('{"ridge": {"supervised": true}}')
    (method,) = baselines.of_runs([runs.open_run(run)])
    assert (method.name, method.labels, method.kind) == ("ridge", "full", "baseline")
    assert "with labels" in method.overlap["synth"]


def test_compare_from_the_command_line(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--baselines", "none"]) == 2
    assert_refused(capsys.readouterr().err, "nothing-to-compare", "./runs", "aubench train")

    make_run(Path("runs/one"), 0.3)
    make_run(Path("runs/two"), 1.0, seed=1)
    assert main(["compare", "--datasets", "synth", "--out", "page"]) == 0
    out = capsys.readouterr().out
    assert out.index("one") < out.index("two") < out.index("zero")
    written = json.loads(Path("page/comparison.json").read_text())
    assert [row["name"] for row in written["datasets"]["synth"]["rows"]] == ["one", "two", "zero", "mean"]
    assert sorted(path.suffix for path in Path("page").iterdir()) == [".csv", ".html", ".json", ".md", ".tex"]

    # The shell's way of writing `--runs runs/*`; the default folder of the page.
    assert main(["compare", "--runs", "runs/one", "runs/two", "--draws", "200"]) == 0
    (folder,) = Path("reports").iterdir()
    assert folder.name.startswith("compare-20")
    assert folder.name.endswith("-synth")


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--datasets", "sinth"], "labels-missing", ["'sinth'", "--truth"]),
        (["--datasets", ","], "option-missing", ["--datasets"]),
        (["--missing-aus", "zero"], "option-invalid", ["--missing-aus zero"]),
        (["--predictions", "of.csv"], "option-invalid", ["--predictions of.csv", "NAME=VALUE"]),
        (["--rescale", "of=5"], "name-unknown", ["--rescale of", "--predictions"]),
        (["--baselines", "zeros"], "name-unknown", ["'zeros'", "zero"]),
        (["--runs", "nowhere"], "run-missing", ["nowhere", "`aubench train"]),
        (["--runs", "runs/unfinished"], "run-unfinished", ["runs/unfinished", "`aubench train --resume"]),
        (["--runs", "runs/torn"], "file-damaged", ["torn/report.json"]),
        (["--runs", "runs/one", "runs/other"], "run-mismatch", ["runs/one", "runs/other", "'synth'", "--runs"]),
    ],
)
def test_compare_refuses_in_one_line(tmp_path: Path, monkeypatch, capsys, arguments, code, values) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/one"), 0.3)
    (make_run(Path("runs/torn"), 0.3) / "report.json").write_text('{"datasets": ')
    Path("runs/unfinished").mkdir()
    Path("runs/unfinished/config.yaml").write_text("seed: 0")
    make_run(Path("runs/other"), 0.3)
    table = results.read_truth("runs/other/truth.csv")
    table.loc[0, "AU01"] = 4.5
    results.write_table("runs/other/truth.csv", table)
    if arguments[0] != "--runs":
        (tmp_path / "runs/torn/report.json").unlink()
    assert main(["compare", *arguments]) == 2
    assert_refused(capsys.readouterr().err, code, *values)


def test_runs_on_older_data_are_left_out_by_default(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    table = results.read_truth(make_run(Path("runs/old"), 0.3) / "truth.csv")
    table.loc[0, "AU01"] = 4.5
    results.write_table("runs/old/truth.csv", table)
    os.utime("runs/old/predictions.csv", (1, 1))
    make_run(Path("runs/new"), 0.3)
    assert main(["compare", "--out", "page", "--draws", "200"]) == 0
    assert "left out: runs/old" in capsys.readouterr().err
    rows = json.loads(Path("page/comparison.json").read_text())["datasets"]["synth"]["rows"]
    assert [row["name"] for row in rows] == ["new", "zero", "mean"]

"""What a comparison says of where numbers come from, how sure they are, and what it cannot be made to write."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusals import assert_refused, refused

from aubench import results
from aubench.cli import main
from aubench.compare.csv_reader import read_header
from aubench.compare.importing import read_source
from aubench.compare.markdown import page as markdown_page
from aubench.compare.method import _facts
from aubench.compare.runs import open_run
from aubench.compare.schema import Comparison
from aubench.compare.video_matching import Place
from aubench.parameters import AU_NAMES
from aubench.predict import record, table
from aubench.predict.record import Processing
from aubench.spreadsheet import plain, safe

AUS = ["AU01", "AU04", "AU12"]


def labels(people: int, frames: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    subjects = [f"P{number:02d}" for number in range(people)]
    truth = pd.DataFrame({"dataset": "mine", "subject": np.repeat(subjects, frames), "sequence": "a",
                          "frame": np.tile(np.arange(frames), people)})  # fmt: skip
    truth[AUS] = np.clip(np.round(rng.normal(1.5, 1.5, (people * frames, 3))), 0, 5)
    return truth


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compared(*arguments: str) -> dict[str, Any]:
    command = ["compare", "--datasets", "mine", "--out", "page", "--truth", "truth.csv", "--draws", "100"]
    assert main([*command, *arguments]) == 0
    done: dict[str, Any] = json.loads(Path("page/comparison.json").read_text())["datasets"]["mine"]
    return done


def own_table(path: Path, rows: int, model: str | None = "shipped") -> None:
    """A table such as `aubench predict` writes, with its record."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*table.HEAD, *table.AU_COLUMNS])
        for number in range(rows):
            cells = [f"{(number * 7 + column) % 50 / 10:.3f}" for column in range(len(AU_NAMES))]
            writer.writerow([number + 1, 0, "0.0", "0.9", 1, "0.0", "0.0", *cells])
    if model is not None:
        record.write(path, Processing(), {"model": model})


@pytest.mark.parametrize(
    ("model", "label", "licence"),
    [
        ("shipped", "aubench predict, clip.csv, model shipped", "MIT (ours)"),
        (
            "/data/anna/runs/mine",
            "aubench predict, clip.csv, model mine",
            "MIT (ours); weights of the run: see its report",
        ),
        (None, "aubench predict, clip.csv", "MIT (ours)"),
    ],
)
def test_our_own_table_is_not_taken_for_openface(folder: Path, model: str | None, label: str, licence: str) -> None:
    results.write_table("truth.csv", labels(1))
    own_table(folder / "clip.csv", 20, model)
    row = next(row for row in compared("--predictions", "ours=clip.csv")["rows"] if row["name"] == "ours")
    assert (row["label"], row["labels"], row["facts"]["licence"]) == (label, "none", licence)
    assert "OpenFace" not in (folder / "page" / "comparison.html").read_text().split("<script")[0]


@pytest.mark.parametrize(("people", "given"), [(1, 1), (4, 4), (7, 2), (5, 5)])
def test_an_interval_needs_five_people(folder: Path, people: int, given: int, capsys) -> None:
    truth = labels(people)
    results.write_table("truth.csv", truth)
    for name, noise in (("one", 0.5), ("other", 0.9)):
        guess = truth.assign(**{au: np.clip(truth[au] + noise, 0, 5) for au in AUS})
        results.write_table(f"{name}.csv", guess[guess["subject"] < f"P{given:02d}"])
    here = compared("--predictions", "one=one.csv", "--predictions", "other=other.csv")
    rows = [row for row in here["rows"] if row["kind"] == "import"]
    enough = given >= 5
    for row in rows:
        found = [row["interval"], row["mae_interval"], row.get("behind", row["interval"])]
        found += [row["aus"][au][f"{metric}_interval"] for au in AUS for metric in ("icc31", "mae")]
        assert [ends is not None for ends in found] == [enough] * len(found)
        assert bool(row["interval_note"]) is not enough
    assert (here["tests"]["pairs"][0]["icc31"]["interval"] is not None) is enough
    told = capsys.readouterr()
    for text in (told.err, *(Path(f"page/comparison.{suffix}").read_text() for suffix in ("md", "html", "tex"))):
        assert ("no interval over" in text) is not enough
    missing = [line for line in told.out.splitlines() if "no prediction for" in line]
    assert len(missing) == (2 if given < people else 0)
    assert all(f"{20 * (people - given)} of {20 * people} frames" in line for line in missing)


def test_an_export_of_imotions_with_an_eye_tracker(tmp_path: Path) -> None:
    head = "#Version : 6\nEventSource\tTimestamp\tFrameNo\tAU1 Evidence\tAU12 Evidence\n"
    lines = [
        "ET\t0\t-1\t0.1\t0.1", "ET\t4\t\t\t", "Emotient FACET\t8\t0\t-1.5\t2", "ET\t12\t0\t-1.5\t2",
        "ET|Emotient FACET\t40\t1\t0.5\t-7", "ET\t44\t1\t0.5\t-7", "ET\t48\t1\t0\t0",
    ]  # fmt: skip
    path = tmp_path / "export.txt"
    path.write_text(head + "\n".join(lines) + "\n")
    source = read_source(path, [Place("mine", "anna", "a")])
    assert source.table["frame"].tolist() == [0, 1]
    assert source.table["AU12"].tolist() == [2.0, -7.0]
    assert any("frame -1" in note and note.startswith("1 ") for note in source.notes)
    assert any("repeat" in note and note.startswith("3 ") for note in source.notes)
    path.write_text((head + "\n".join(lines) + "\n").replace("EventSource", "Sensor"))
    with refused("table-invalid", "export.txt, line 9"):
        read_source(path, [Place("mine", "anna", "a")])


def test_pyfeat_with_an_empty_input_cell(tmp_path: Path) -> None:
    path = tmp_path / "anna.csv"
    path.write_text("frame,FaceScore,AU01,input\n0,0.9,0.5,/v/anna.mp4\n1,0.9,0.5,\n")
    source = read_source(path, [Place("mine", "anna", "a"), Place("mine", "bert", "a")])
    assert source.table["subject"].tolist() == ["anna", "anna"]


def test_constants_alone_need_no_run(folder: Path, capsys) -> None:
    results.write_table("truth.csv", labels(6))
    here = compared("--baselines", "zero,mean,shuffle")
    assert [row["name"] for row in here["rows"]] == ["zero", "mean", "shuffle"]
    assert all(row["scored"] == 120 for row in here["rows"])
    assert here["rows"][0]["mean"]["mae"] == pytest.approx(labels(6)[AUS].to_numpy().mean())
    assert "aubench train" in capsys.readouterr().err
    assert main(["compare", "--datasets", "mine", "--truth", "truth.csv", "--baselines", "none"]) == 2
    assert_refused(capsys.readouterr().err, "nothing-to-compare")


def test_the_folder_of_a_report_is_no_unfinished_run(folder: Path) -> None:
    Path("report").mkdir()
    Path("report/config.yaml").write_text("seed: 0")
    Path("report/report.json").write_text(
        '{"datasets": {"synth": {"aus": {}, "mean": {"icc31": 0, "icc21": 0, "mae": 0, "pcc": 0}}}}'
    )
    with refused("run-missing", "predictions.csv") as caught:
        open_run(Path("report"))
    assert "--resume" not in str(caught.value)
    Path("report/report.json").unlink()
    with refused("run-unfinished", "--resume"):
        open_run(Path("report"))


def test_a_report_that_lacks_a_score_is_named(folder: Path) -> None:
    run = folder / "run"
    run.mkdir()
    truth = labels(2)
    results.write_table(run / "truth.csv", truth)
    results.write_table(run / "predictions.csv", truth)
    scores = {"icc31": 0.1, "icc21": 0.1, "mae": 0.1}
    for row in ({"datasets": {"mine": {"mean": scores, "aus": {}}}}, {"datasets": 3}, 7):
        (run / "report.json").write_text(json.dumps({"rows": {"ridge": row}}))
        with refused("file-damaged", "report.json"):
            open_run(run).baselines("mine")


def test_a_picture_outside_of_the_run_is_not_shown(folder: Path) -> None:
    run = folder / "run"
    run.mkdir()
    results.write_table(run / "truth.csv", labels(2))
    results.write_table(run / "predictions.csv", labels(2))
    (folder / "private.png").write_bytes(b"private")
    (run / "figure.png").symlink_to(folder / "private.png")
    assert _facts(open_run(run)).figure is None
    (run / "figure.png").unlink()
    (run / "figure.png").write_bytes(b"own")
    assert _facts(open_run(run)).figure == str(run / "figure.png")


def test_no_cell_is_a_formula_and_no_name_is_html(folder: Path) -> None:
    for cell in ("=1+1", "+cmd", "-2+3", "@SUM(1)", "\tx", "\rx"):
        assert safe(cell) == f"'{cell}"
        assert plain(safe(cell)) == cell
    assert [safe(cell) for cell in (-1.5, "-1.5", "anna", "'quoted'", "")] == [-1.5, "-1.5", "anna", "'quoted'", ""]
    truth = labels(6)
    truth["subject"] = truth["subject"].replace({"P00": "=cmd|calc"})
    results.write_table("truth.csv", truth)
    assert "'=cmd|calc" in Path("truth.csv").read_text()
    assert results.read_truth("truth.csv")["subject"].iloc[0] == "=cmd|calc"
    results.write_table("one.csv", truth)
    compared("--predictions", "@HYPER<img src>=one.csv")
    with Path("page/comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} >= {"'@HYPER<img src>"}
    assert all(not row["low"].startswith("'") for row in rows)
    comparison = Comparison.read(Path("page/comparison.json"))
    assert "<img" not in markdown_page(comparison)
    assert "&lt;img" in markdown_page(comparison)


def test_latex_has_a_table_for_each_data_set_without_empty_columns(folder: Path) -> None:
    truth = labels(5)
    results.write_table("truth.csv", truth)
    results.write_table("one.csv", truth[["dataset", "subject", "sequence", "frame", "AU04"]])
    compared("--predictions", "one=one.csv", "--no-published")
    first = Path("page/comparison.tex").read_text().split(r"\end{table}")[0]
    assert " & AU & 04 & Avg " in first


@pytest.mark.parametrize("read", [results.read_truth, lambda path: read_header(path, lambda names: False)])
def test_300_kb_of_commas_end_at_once(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "commas.csv"
    path.write_text("," * 300_000 + "\n" + "," * 300_000 + "\n")
    began = time.monotonic()
    with pytest.raises(Exception, match="commas") as caught:
        read(path)
    assert caught.value.code in ("table-invalid", "input-too-large")
    assert time.monotonic() - began < 5


def test_a_cell_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("frame,success,AU01_r\n1,1,0.5\n2,1," + "9" * 1_000_000 + ",\n")
    with refused("table-invalid", "wide.csv"):
        read_source(path, [Place("mine", "anna", "a")])

"""Speed beside scores: measured where it can be, noted or refused with a reason where not, in every output alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusals import assert_refused

from aubench import discovery
from aubench.cli import main
from aubench.combination import Choice, Combination
from aubench.compare import html, latex, markdown, speed, speed_table, tables
from aubench.compare.schema import Comparison
from aubench.contracts import Dataset
from aubench.data.labels import open_labels
from aubench.results import prediction_table, truth_table, write_table


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts,aubench_plugins.genet")
    monkeypatch.chdir(tmp_path)
    discovery.forget()
    yield
    discovery.forget()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs on the tiny data set, one with its model and one without, and another tool's table."""
    data: Dataset = discovery.build("dataset", "tiny")
    frames = data.frames("test")
    truth = truth_table(frames, data.aus, open_labels(data, "test"))
    dice = np.random.default_rng(0)
    for name in ("whole", "bare"):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        write_table(run / "truth.csv", truth)
        noisy = np.clip(open_labels(data, "test") + dice.normal(0, 1, (len(frames), 4)), 0, 5)
        write_table(run / "predictions.csv", prediction_table(frames, data.aus, noisy))
        (run / "report.json").write_text(json.dumps({"predict_frames_per_s": 250.0}))
    Combination(Choice("tiny"), Choice("tiny"), size=16).save(tmp_path / "runs" / "whole")
    likely = truth.copy()
    likely[list(data.aus)] = np.clip(likely[list(data.aus)] / 5 + dice.normal(0, 0.1, (len(frames), 4)), 0, 1)
    likely.to_csv("likely.csv", index=False)
    return tmp_path


def compared(*arguments: str) -> dict[str, Any]:
    command = ["compare", "--datasets", "tiny", "--runs", "runs", "--out", "page", "--draws", "100", *arguments]
    assert main([*command, "--predictions", "likely=likely.csv", "--scale", "likely=probability"]) == 0
    done: dict[str, Any] = json.loads(Path("page/comparison.json").read_text())
    return done


def test_every_method_is_measured_or_says_why_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = compared("--baselines", "zero,tiny", "--speed", "--speed-frames", "10")
    here = done["datasets"]["tiny"]
    rows = {row["name"]: row for row in here["rows"]}
    whole = rows["whole"]["speed"]
    assert set(whole["stages"]) == {"extract", "regress"}
    assert whole["ms"] == pytest.approx(sum(whole["stages"].values()))
    assert whole["images_per_s"] == pytest.approx(1000 / whole["ms"])
    assert (whole["answered"], whole["rounds"]) == (10, 3)
    model = Combination.load(folder / "runs" / "whole")
    parts = (model.extractor, model.learned)
    assert whole["parameters"] == sum(t.numel() for part in parts for t in part.state_dict().values())
    assert rows["tiny"]["speed"]["stages"].keys() == {"whole"}
    assert rows["bare"]["speed"] == {"reason": "no model in the run's folder"}
    assert "nothing to run" in rows["likely"]["speed"]["reason"]
    assert "speed" not in rows["zero"]
    about = here["speed"]
    assert (about["frames"], about["batch"], about["picture"]) == (10, 10, [640, 480])
    assert about["detect"] > about["align"] > 0
    assert "speed of whole, round 3 of 3" in capsys.readouterr().err

    lines = {line.name: line for line in speed_table.lines(Comparison.model_validate(done).datasets["tiny"])}
    assert lines["whole"].measured
    assert set(lines["whole"].stages) == set(speed_table.STAGES)
    assert not lines["bare"].measured
    assert lines["bare"].ms == pytest.approx(4.0)
    assert "speed noted when the run was tested" in lines["bare"].note
    assert lines["likely"].ms is None

    table = pd.read_csv("page/comparison.csv")
    ms = table[table["metric"] == "ms_per_image"].set_index("method")
    assert float(ms.loc["whole", "value"]) == pytest.approx(whole["ms"], rel=1e-4)
    assert "measured in this run" in ms.loc["whole", "note"]
    assert "noted" in ms.loc["bare", "note"]
    assert set(table[table["method"] == "whole"]["metric"]) >= {"ms_detect", "ms_align", "ms_extract", "ms_regress"}
    whole_comparison = Comparison.model_validate(done)
    page = html.page(whole_comparison, {})
    for text in (markdown.page(whole_comparison), latex.document(whole_comparison), page):
        assert speed_table.figure(whole["ms"]) in text
        assert "(4)" in text
        assert "nothing to run" in text or "\\documentclass" in text
    assert "tiny-speed" in page


def test_unmeasured_speeds_are_shown_as_what_they_are(folder: Path) -> None:
    done = compared("--baselines", "zero")
    here = done["datasets"]["tiny"]
    assert "speed" not in here
    (line,) = [
        one for one in speed_table.lines(Comparison.model_validate(done).datasets["tiny"]) if one.name == "whole"
    ]
    assert (line.measured, line.images_per_s) == (False, 250.0)
    page = html.page(Comparison.model_validate(done), {})
    assert "Not measured for this comparison" in page
    assert "(250)" in page


def test_frames_without_an_answer_are_missing_and_cost_nothing(folder: Path) -> None:
    """A search for every second frame: its time is that of a frame searched for, and the others are no zeros."""
    Path("registry.yaml").write_text(
        "version: 1\nestimators:\n  thin:\n    use: genet\n    config: {every: 2, iterations: 2, renderer: tiny, "
        "extractor: tiny, engine: tiny, samples: 8}\n"
    )
    here = compared("--baselines", "zero,thin", "--speed", "--speed-frames", "16")["datasets"]["tiny"]
    (row,) = [r for r in here["rows"] if r["name"] == "thin"]
    assert (row["scored"], row["missing"], row["frames"]) == (8, 8, 16)
    assert row["group"] != next(r for r in here["rows"] if r["name"] == "whole")["group"]
    assert any("one frame in 2 of each video" in note for note in row["notes"])
    assert row["speed"]["answered"] == 8
    assert row["speed"]["note"] == "for each of the 8 frames that it answers"
    assert row["facts"]["parameters"] > 0


def test_spread_and_picture() -> None:
    frames = discovery.build("dataset", "tiny").frames("test")
    few = speed.spread(frames, 5)
    assert len(few) == 5
    assert few.frame[0] == frames.frame[0]
    assert few.subject[-1] == frames.subject[-1]
    assert len(speed.spread(frames, 1000)) == len(frames)
    picture, scale, (left, top) = speed.in_picture(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3))
    assert picture.shape == (480, 640, 3)
    assert (scale, left, top) == (7.5, 200, 120)


def test_what_cannot_be_measured_fails_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write = pd.read_csv("likely.csv").assign(dataset="mine")
    write.to_csv("mine.csv", index=False)
    command = ["compare", "--datasets", "mine", "--truth", "mine.csv", "--predictions", "a=mine.csv", "--speed"]
    assert main(command) == 2
    assert_refused(capsys.readouterr().err, "name-unknown", "mine")


def test_figures_have_three_digits() -> None:
    assert [speed_table.figure(v) for v in (None, 0.01234, 5.678, 99.96, 1234.5)] == [
        "–",
        "0.0123",
        "5.68",
        "100",
        "1,234",
    ]
    assert tables.METRICS.keys() == {"icc31", "mae"}, "speeds and areas are in no ranking"

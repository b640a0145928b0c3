"""Result tables: written, read back, refused with file and line, joined, calibrated, scored."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from aubench import metrics, results, scores
from aubench.contracts import Frames

AUS = ("AU01", "AU12")
HEADER = "dataset,subject,sequence,frame,AU01,AU12\n"


def frames(n: int = 6, dataset: str = "synth") -> Frames:
    subject = np.array([f"S{i % 2:02d}" for i in range(n)])
    images = np.zeros((n, 4, 4, 3), np.uint8)
    return Frames(dataset, images, subject, np.array(["a"] * n), np.arange(n))


def tables(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    true = np.clip(rng.normal(-0.5, 2, (n, 2)), 0, 5)
    here = frames(n)
    return results.truth_table(here, AUS, true), results.prediction_table(
        here, AUS, true + rng.normal(0.3, 0.5, (n, 2))
    )


def test_tables_survive_the_disk(tmp_path: Path) -> None:
    values = np.array([[0, 5], [1.25, np.nan], [0.5, 0.1], [2, 2], [3, 3], [4.123456789, 0]])
    truth = results.truth_table(frames(), AUS, values)
    valid = np.array([True, True, False, True, True, True])
    pose = np.stack([np.linspace(-30, 30, 6), np.full(6, np.nan)], axis=1)
    predictions = results.prediction_table(frames(), AUS, values + 1, pose, valid)
    results.write_table(tmp_path / "truth.csv", truth)
    results.write_table(tmp_path / "predictions.csv", predictions)
    assert (tmp_path / "truth.csv").read_text().splitlines()[:3] == [
        HEADER.strip(),
        "synth,S00,a,0,0,5",
        "synth,S01,a,1,1.25,",
    ]
    head = (tmp_path / "predictions.csv").read_text().splitlines()[0]
    assert head == HEADER.strip() + ",pose_yaw,pose_pitch,valid"
    pd.testing.assert_frame_equal(results.read_truth(tmp_path / "truth.csv"), truth, rtol=1e-5)
    pd.testing.assert_frame_equal(results.read_predictions(tmp_path / "predictions.csv"), predictions, rtol=1e-5)


def test_predictions_are_clipped_to_the_scale() -> None:
    table = results.prediction_table(frames(), AUS, np.array([[-1, 7]] * 6))
    assert table[list(AUS)].to_numpy().tolist() == [[0, 5]] * 6
    with pytest.raises(ValueError, match="not \\(6 frames, 2 AUs\\)"):
        results.prediction_table(frames(), AUS, np.zeros((6, 3)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ["'dataset'"]),
        (HEADER, []),
        ("dataset,subject,frame,AU01\nx,y,0,1\n", ["'sequence'"]),
        ("dataset,subject,sequence,frame\nx,y,z,0\n", ["AU01"]),
        (HEADER.replace("AU01", "AU1") + "x,y,z,0,1,1\n", ["'AU1'", "AU01"]),
        (HEADER + "x,y,z,0,1,1\nx,y,z,1,1,high\n", ["line 3: AU12", "'high'"]),
        (HEADER + "x,y,z,0,1,nan\n", ["line 2: AU12", "'nan'"]),
        (HEADER + "x,y,z,0,1,inf\n", ["line 2: AU12", "'inf'"]),
        (HEADER + "x,y,z,0,1,5.5\n", ["line 2: AU12", "'5.5'", "0..5"]),
        (HEADER + "x,y,z,0,-1,5\n", ["line 2: AU01", "'-1'", "0..5"]),
        (HEADER + "x,y,z,0,1,1\nx,y,z,0.5,1,1\n", ["line 3: frame", "'0.5'"]),
        (HEADER + "x,y,z,0,1,1\nx,y,z,0,1,1\n", ["line 3: frame", "'0'"]),
        (HEADER + "x,,z,0,1,1\n", ["line 2: subject", "''"]),
        (HEADER + "x,y,z,0,1,1\nx,y,z,1,1", ["line 3", "5", "6"]),
        (HEADER + "x,y,z,0,1,1\n\nx,y,z,1,1,1\n", ["line 3", "0", "6"]),
        (HEADER + "x,y,z,0,1,1\nx,y,z,1,1,1,1,1\n", ["line 3", "8", "6"]),
        (HEADER.replace("AU12", "AU01") + "x,y,z,0,1,1\n", ["'AU01'"]),
        ("dataset,subject,sequence,frame,AU01,valid\nx,y,z,0,1,perhaps\n", ["line 2: valid", "'perhaps'"]),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_line(tmp_path: Path, text: str, values: list[str]) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with refused("table-invalid", path, *values) as caught:
        results.read_predictions(path)
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with refused("file-missing", "nothing.csv"):
        results.read_truth(tmp_path / "nothing.csv")
    (tmp_path / "binary.csv").write_bytes(os.urandom(512) + b"\xff\xfe\x00")
    with refused("table-invalid", "binary.csv"):
        results.read_truth(tmp_path / "binary.csv")
    with refused("table-invalid", tmp_path):
        results.read_truth(tmp_path)


def test_baselines_need_neither_pose_nor_valid(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(HEADER + "x,y,z,0,1,\n")
    table = results.read_predictions(tmp_path / "p.csv")
    assert table["valid"].tolist() == [True]
    assert table[["AU12", "pose_yaw"]].isna().all().all()


def test_frames_are_joined_by_key_and_counted() -> None:
    truth, predictions = tables(10)
    predictions = predictions.iloc[::-1].reset_index(drop=True)  # another order
    predictions.loc[predictions["frame"] == 3, "valid"] = False
    predictions.loc[predictions["frame"] == 4, list(AUS)] = np.nan
    predictions.loc[predictions["frame"] == 5, "frame"] = 99
    values, counts = results.aligned(truth, predictions)
    assert counts == {"frames": 10, "scored": 7, "invalid": 1, "missing": 1, "surplus": 1}
    assert values.index[values.isna().all(axis=1)].tolist() == [3, 4, 5]
    assert np.abs(values - truth[list(AUS)]).max().max() < 3


def test_no_common_frame_is_an_error_that_shows_both() -> None:
    truth, predictions = tables(4)
    predictions["subject"] = "someone"
    with refused("table-mismatch", "synth/S00/a/0", "synth/someone/a/0"):
        results.aligned(truth, predictions)


def test_calibration_takes_each_subjects_neutral_reading_away() -> None:
    truth, _ = tables(400)
    predictions = truth.copy()
    offset = truth["subject"].map({"S00": 1.0, "S01": 0.25})
    predictions["AU01"] = (truth["AU01"] + offset).clip(0, 5)
    predictions["valid"] = True
    calibrated = results.calibrate_per_subject(predictions)
    before = np.abs(predictions["AU01"] - truth["AU01"]).mean()
    after = np.abs(calibrated["AU01"] - truth["AU01"]).mean()
    assert before > 0.5
    assert after < 0.05
    assert calibrated["AU01"].between(0, 5).all()
    assert calibrated["AU12"].equals(truth["AU12"])
    assert predictions["AU01"].min() > 0.2, "the argument is left alone"


def test_calibration_ignores_invalid_frames_and_unpredicted_aus() -> None:
    _, predictions = tables(40)
    predictions["AU12"] = np.nan
    predictions["AU01"] = 2.0
    predictions.loc[:29, "valid"] = False
    predictions.loc[:29, "AU01"] = 0.0
    calibrated = results.calibrate_per_subject(predictions)
    assert calibrated.loc[30:, "AU01"].eq(0).all()
    assert calibrated["AU12"].isna().all()


def test_scores_hold_the_rows_that_keep_mae_honest() -> None:
    truth, predictions = tables()
    half = predictions.assign(AU01=predictions["AU01"] / 2)
    report = scores.score(truth, predictions, {"half": half}).to_dict()
    assert list(report["rows"]) == ["raw", "calibrated", "half", "zero", "mean"]
    assert report["datasets"] == report["rows"]["raw"]["datasets"]
    synth = report["datasets"]["synth"]
    assert {k: synth[k] for k in ("frames", "scored", "subjects", "sequences")} == {
        "frames": 200, "scored": 200, "subjects": 2, "sequences": 2,
    }  # fmt: skip
    au = synth["aus"]["AU12"]
    assert set(au) == {"icc31", "icc21", "mae", "mse", "pcc", "ccc", "n", "note"}
    assert au["icc31"] == float(metrics.icc_3_1(truth["AU12"], predictions["AU12"]))
    assert synth["mean"]["icc31"] == pytest.approx(np.mean([synth["aus"][a]["icc31"] for a in AUS]))
    zero, mean = (report["rows"][row]["datasets"]["synth"] for row in ("zero", "mean"))
    assert zero["mean"]["mae"] == pytest.approx(truth[list(AUS)].to_numpy().mean())
    assert zero["aus"]["AU01"]["icc31"] == 0.0
    assert zero["aus"]["AU01"]["note"] == metrics.CONSTANT_PREDICTION
    assert mean["aus"]["AU01"]["mse"] == pytest.approx(truth["AU01"].var(ddof=0))
    with pytest.raises(ValueError, match="zero"):
        scores.score(truth, predictions, {"zero": half})


def test_undefined_scores_are_none_with_a_note() -> None:
    truth, predictions = tables(20)
    truth["AU12"], predictions["AU12"] = 0.0, 0.0
    synth = scores.score(truth, predictions).to_dict()["datasets"]["synth"]
    assert synth["aus"]["AU12"]["icc31"] is None
    assert synth["aus"]["AU12"]["mae"] == 0.0
    assert synth["aus"]["AU12"]["note"] == metrics.BOTH_CONSTANT
    assert synth["mean"]["note"] == "agreement without AU12"
    unpredicted = predictions.drop(columns="AU01")
    entry = scores.by_dataset(truth, unpredicted)["synth"].aus["AU01"]
    assert (entry.icc31, entry.mae, entry.n) == (None, None, 0)
    assert entry.note.startswith("undefined")


def test_data_sets_are_scored_apart_on_the_aus_that_each_annotates() -> None:
    truth, predictions = tables(50)
    other = truth.assign(dataset="disfa", AU12=np.nan)
    both = pd.concat([truth, other])
    twice = pd.concat([predictions, predictions.assign(dataset="disfa")])
    tables_ = scores.by_dataset(both, twice)
    assert list(tables_) == ["disfa", "synth"]
    assert list(tables_["disfa"].aus) == ["AU01"]
    assert tables_["disfa"].aus["AU01"] == tables_["synth"].aus["AU01"]
    constant = scores.constant(both.assign(AU01=both["AU01"].where(both["dataset"] == "synth", 1.0)), "mean")
    assert constant.groupby("dataset")["AU01"].nunique().tolist() == [1, 1]
    assert constant.loc[constant["dataset"] == "disfa", "AU01"].iloc[0] == 1.0

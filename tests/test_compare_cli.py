"""`aubench compare --predictions`: from other tools' files to five outputs, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusals import assert_refused

from aubench import results
from aubench.cli import main

AUS = ["AU01", "AU04", "AU12"]
QUICK = ["--truth", "truth.csv", "--draws", "100"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labels of four people of "disfa", OpenFace's and py-feat's tables for them, and one of our own form."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    truth = pd.DataFrame({"dataset": "disfa", "subject": np.repeat(["SN001", "SN002", "SN003", "SN004"], 25),
                          "sequence": "left", "frame": np.tile(np.arange(25), 4)})  # fmt: skip
    truth[AUS] = np.clip(np.round(rng.normal(0.5, 1.5, (100, 3))), 0, 5)
    results.write_table("truth.csv", truth)
    guess = np.clip(truth[AUS] + rng.normal(0, 0.7, (100, 3)), 0, 5)
    for subject, part in truth.groupby("subject"):
        table = pd.DataFrame({"frame": part["frame"] + 1, " success": 1, " p_rx": -9.0})
        for au in AUS:
            table[f" {au}_r"] = guess.loc[part.index, au].round(2)
        table.loc[table.index[4], [" success", *(f" {au}_r" for au in AUS)]] = 0
        (tmp_path / "of").mkdir(exist_ok=True)
        table.to_csv(tmp_path / "of" / f"LeftVideo{subject}_comp.csv", index=False)
    fex = pd.DataFrame({"frame": truth["frame"], "FaceScore": 0.9, "input": "/v/" + truth["subject"] + ".avi"})
    fex[AUS] = (guess / 5).round(3)
    fex.to_csv("fex.csv", index=False)
    truth.assign(**{au: guess[au] for au in AUS}).to_csv("own.csv", index=False)
    return tmp_path


def compared(*arguments: str) -> dict[str, Any]:
    assert main(["compare", "--datasets", "disfa", "--out", "page", *QUICK, *arguments]) == 0
    done: dict[str, Any] = json.loads(Path("page/comparison.json").read_text())["datasets"]["disfa"]
    return done


def test_three_tools_beside_printed_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = compared("--predictions", "openface=of", "--predictions", "pyfeat=fex.csv", "--predictions", "own=own.csv")
    rows = {row["name"]: row for row in here["rows"] if row["kind"] == "import"}
    assert {name: (r["scored"], r["invalid"], r["scale"], r["labels"]) for name, r in rows.items()} == {
        "own": (100, 0, "intensity", "unknown"),
        "openface": (96, 4, "intensity", "full"),
        "pyfeat": (100, 0, "probability", "full"),
    }
    assert rows["openface"]["overlap"].startswith("yes: OpenFace's AU models were trained on DISFA")
    assert rows["pyfeat"]["mean"]["icc31"] is None
    assert rows["own"]["mean"]["icc31"] > 0.5
    assert len({row["protocol"] for row in rows.values()}) == 3
    assert [r["name"] for r in here["published"]][-4:] == ["without id", "without lp", "without pr", "without adv"]
    told = capsys.readouterr()
    assert "ranked apart" in told.err
    assert "GENet" in told.out
    assert sorted(path.suffix for path in Path("page").iterdir()) == [".csv", ".html", ".json", ".md", ".tex"]


def test_one_protocol_by_intersection_and_rescale(folder: Path) -> None:
    here = compared(
        "--predictions", "openface=of", "--predictions", "pyfeat=fex.csv", "--rescale", "pyfeat=x5",
        "--missing-frames", "intersection", "--labels", "pyfeat=weak", "--baselines", "zero,shuffle", "--no-published",
    )  # fmt: skip
    assert [g["protocol"]["frames"] for g in here["groups"]] == [96]
    rows = {row["name"]: row for row in here["rows"]}
    assert set(rows) == {"openface", "pyfeat", "zero", "shuffle"}
    # The same guesses, once in steps of 0.01 and once in fifths of 0.001.
    assert rows["pyfeat"]["mean"]["icc31"] == pytest.approx(rows["openface"]["mean"]["icc31"], abs=1e-3)
    assert (rows["pyfeat"]["labels"], rows["pyfeat"]["rescale"]) == ("weak", 5.0)
    assert here["published"] == []


def test_a_table_says_which_video_a_file_is_of(folder: Path) -> None:
    Path("one.csv").write_text("frame_idx,au_1_intensity\n0,1\n1,2\n2,0\n")
    Path("places.csv").write_text("file,subject,sequence\none.csv,SN003,left\n")
    here = compared("--predictions", "lf=one.csv", "--places", "places.csv")
    row = here["rows"][0]
    assert (row["scored"], row["missing"], row["missing_aus"]) == (3, 97, ["AU04", "AU12"])
    assert row["missing_at"][0].startswith("SN001/left: 25 frames (0..24)")


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--predictions", "x=nowhere.csv"], "file-missing", ["nowhere.csv"]),
        (["--predictions", "x=own.csv", "--predictions", "x=own.csv"], "option-invalid", ["--predictions x"]),
        (["--predictions", "zero=own.csv"], "name-taken", ["'zero'", "--predictions"]),
        (["--predictions", "x=own.csv", "--rescale", "x=5"], "option-conflict", ["--rescale x", "intensity"]),
        (["--predictions", "x=fex.csv", "--rescale", "x=-1"], "option-invalid", ["--rescale x=-1"]),
        (["--predictions", "x=fex.csv", "--rescale", "x=five"], "option-invalid", ["--rescale x=five", "'five'"]),
        (["--predictions", "x=fex.csv", "--scale", "x=percent"], "option-invalid", ["--scale x=percent"]),
        (["--predictions", "x=own.csv", "--labels", "x=some"], "option-invalid", ["--labels x=some"]),
        (["--predictions", "x=own.csv", "--scale", "x=probability"], "table-invalid", ["own.csv, line", "0..1"]),
        (["--predictions", "x=other.csv"], "table-mismatch", ["x: ", "AU45", "disfa"]),
        (["--predictions", "x=bp4d.csv"], "table-mismatch", ["bp4d.csv", "--datasets", "disfa"]),
        (["--predictions", "x=own.csv", "--datasets", "bp4d"], "table-mismatch", ["truth.csv", "'bp4d'"]),
    ],
)
def test_mistakes_are_told_in_one_line(
    folder: Path, capsys, arguments: list[str], code: str, values: list[str]
) -> None:
    Path("other.csv").write_text("subject,sequence,frame,AU45\nSN001,left,0,2\n")
    Path("bp4d.csv").write_text("dataset,subject,sequence,frame,AU01\nbp4d,SN001,left,0,2\n")
    assert main(["compare", "--datasets", "disfa", "--out", "page", *QUICK, *arguments]) == 2
    assert_refused(capsys.readouterr().err, code, *values)
    assert not Path("page").exists()

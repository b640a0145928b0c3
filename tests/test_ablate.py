"""`aubench ablate`: rows, sharing of the first phase, the table."""

from __future__ import annotations

import json

import pandas as pd
from refusals import refused
from test_training import TINY, _tiny_plugins, config, shared_cache  # noqa: F401 - fixtures

from aubench_training.ablate import ALL, FIRST_PHASE_ONLY, ablate, variants
from aubench_training.trainer import train

SHORT = {
    "losses": {"ct": 1.0, "pr": 0.1},
    "loopback": TINY["loopback"] | {"steps": 12},
    "label_free": TINY["label_free"] | {"steps": 4},
}


def test_rows_leave_one_out():
    rows = variants(config(**SHORT), 2)
    assert [row.name for row in rows] == [ALL, "without ct", "without pr", FIRST_PHASE_ONLY] * 2
    assert rows[1].config.losses == {"pr": 0.1}
    assert {row.config.seed for row in rows} == {0, 1}
    names = [row.name for row in variants(config(**SHORT), 1, losses=False, additions=True)]
    assert {"without feature_noise", "joint statistics", "without domain_standardisation"} <= set(names)


def test_sharing_the_first_phase_changes_no_prediction_and_the_table_is_written(tmp_path):
    rows = variants(config(**SHORT), 1)
    result = ablate(rows, tmp_path / "out", command=["aubench", "ablate"])
    summary = result.summary
    assert result.code == 0
    assert set(summary["rows"]) == {ALL, "without ct", "without pr", FIRST_PHASE_ONLY}
    assert len(summary["rows"][ALL]["icc31"]) == 1
    assert json.loads((tmp_path / "out" / "ablation.json").read_text()) == summary
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert "| without ct |" in text
    assert "Command: `aubench ablate`" in text
    assert len(list((tmp_path / "out").glob("first-phase-[0-9]"))) == 1

    alone, _ = train(rows[1].config, tmp_path / "alone", tensorboard=False)
    shared = tmp_path / "out" / "without-ct-s0" / "predictions.csv"
    pd.testing.assert_frame_equal(pd.read_csv(shared), pd.read_csv(alone / "predictions.csv"))
    report = json.loads((tmp_path / "out" / "without-ct-s0" / "report.json").read_text())
    assert report["training"]["resumed_at"] == 12

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/report.json")}
    assert ablate(rows, tmp_path / "out").summary["rows"] == summary["rows"]
    assert before == {path: path.stat().st_mtime_ns for path in before}
    with refused("run-mismatch", tmp_path / "out"):
        ablate(variants(config(**SHORT, clip=2.0), 1), tmp_path / "out")

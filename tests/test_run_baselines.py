"""Baselines beside a run: what they are handed, and that none of them costs the report."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import tiny_parts
from refusals import refused
from rich.console import Console
from test_training import _tiny_plugins, config, run, shared_cache  # noqa: F401

from aubench import discovery
from aubench.compare.runs import open_run
from aubench.errors import UserError
from aubench_training import baselines
from aubench_training.bench import Bench


def test_a_baseline_is_offered_the_faces_of_the_runs_own_engine_only(tmp_path, monkeypatch):
    class Offered:
        supervised, aus = False, ("AU01",)

        def offer_drawn(self, images, parameters, style):
            taken.append(len(images))

        def fit(self, frames, labels, *, seed): ...

        def predict(self, frames):
            return np.zeros((len(frames), 1))

    taken: list[int] = []
    build = discovery.build
    monkeypatch.setattr(
        discovery, "build", lambda kind, *a, **k: Offered() if kind == "estimator" else build(kind, *a, **k)
    )
    more = [{"engine": {"name": "tiny", "config": {}}, "count": 100}]
    asked = config(sampled={"count": 200, "held_out": 50, "more": more}, baselines=["tiny"])
    bench = Bench(asked, Console(quiet=True))
    tested = [(dataset, dataset.frames("test")) for dataset in bench.datasets]
    scored = baselines.predict_all(bench, tmp_path, tested, 100.0)
    assert taken == [200]
    assert list(scored.tables) == ["tiny"]


BESIDE = [{"name": "tiny"}, {"name": "tiny", "config": {"name": "tiny2", "seed": 8}}]


@pytest.mark.parametrize("stop", [ValueError("no such\nthing"), KeyboardInterrupt()], ids=["fails", "interrupted"])
def test_a_baseline_that_fails_is_a_row_with_its_reason(tmp_path, monkeypatch, capsys, stop):
    plain = tiny_parts.TinyEstimator.predict

    def predict(self, frames):
        if frames.dataset == "tiny2":
            raise stop
        return plain(self, frames)

    monkeypatch.setattr(tiny_parts.TinyEstimator, "predict", predict)
    folder, report = run(tmp_path / "run", baselines=["tiny", "mean"], datasets=BESIDE)
    interrupted = isinstance(stop, KeyboardInterrupt)
    reason = "interrupted" if interrupted else "ValueError: no such thing"
    row = report.rows["tiny"].to_dict()
    assert (list(row["datasets"]), row["failed"]) == (["tiny"], {"tiny2": reason}), "what it did say is kept"
    mean = report.rows["mean (baseline)"].to_dict()
    assert set(mean["failed" if interrupted else "datasets"]) == {"tiny", "tiny2"}
    assert json.loads((folder / "report.json").read_text())["rows"]["tiny"] == row
    assert f"| tiny | no predictions: {reason} |" in (folder / "report.md").read_text()
    assert f"tiny2: left out: {reason}" in capsys.readouterr().err.replace("\n", " ")
    assert list(pd.read_csv(folder / "baselines" / "tiny.csv")["dataset"].unique()) == ["tiny"]
    assert open_run(folder).baselines("tiny2").keys() == (set() if interrupted else {"mean (baseline)"})


def test_a_baseline_is_told_with_its_time_before_it_starts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tiny_parts.TinyEstimator, "pictures", lambda self, train, test: 10**9, raising=False)
    run(tmp_path / "run", baselines=["tiny"])
    told = " ".join(capsys.readouterr().err.split())
    assert re.search(r"baseline tiny, tiny: about [\d.]+ \w+ .*--baselines none", told)


def test_a_baseline_that_cannot_be_built_ends_the_run_before_anything_is_drawn(tmp_path, monkeypatch):
    def refuse(self, config):
        raise UserError("no licence", code="asset-missing")

    monkeypatch.setattr(tiny_parts.TinyEstimator, "__init__", refuse)
    monkeypatch.setattr(tiny_parts.TinyDataset, "frames", lambda *_: pytest.fail("a picture was drawn"))
    with refused("asset-missing", "baseline tiny", "no licence", "--baselines none"):
        run(tmp_path / "run", baselines=["tiny"])
    assert not (tmp_path / "run").exists()

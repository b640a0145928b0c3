"""The stage that learns departures: what it trains, what it leaves alone, from what it starts, what it refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import torch
from refusals import refused
from test_training import TINY, _tiny_plugins, shared_cache  # noqa: F401  fixtures

from aubench.combination import Combination
from aubench_training.config import check
from aubench_training.runner import identity
from aubench_training.runner.estimate import phases
from aubench_training.runner.jobs import first_phase
from aubench_training.trainer import train

PERSON = {
    "regressor": {"name": "fpr", "config": {"hidden": 16, "person": 8}},
    "losses": {},
    "loopback": {"steps": 0, "batch": 1, "learning_rate": 0.001},
    "label_free": {"steps": 0, "batch": 1, "learning_rate": 0.001},
    "person": {"steps": 6, "batch": 20, "learning_rate": 0.003},
    "people": {"sources": [{"engine": {"name": "tiny"}, "count": 4}], "frames": 6},
    "sampled": {"count": 4, "held_out": 4},
    "checkpoint_every": 3,
}


def config(**over):
    return check({"recipe": "tiny", **TINY, **PERSON, **over})


@pytest.fixture
def start(shared_cache):  # noqa: F811
    """A run whose regressor has no person network, made once."""
    folder = shared_cache / "start"
    if not folder.exists():
        plain = {"regressor": {"name": "fpr", "config": {"hidden": 16}}, "person": {**PERSON["person"], "steps": 0}}
        first = {"loopback": {"steps": 4, "batch": 1, "sampled_batch": 8, "learning_rate": 0.003}}
        train(config(**plain, **first), folder, tensorboard=False)
    return folder


def test_the_stage_trains_the_person_network_only_and_reports_a_row_of_its_own(tmp_path, start):
    folder, report = train(config(start=str(start)), tmp_path / "run", tensorboard=False)
    before, after = Combination.load(start), Combination.load(folder)
    theirs, mine = before.learned.state_dict(), after.learned.state_dict()
    assert all(torch.equal(tensor, mine[name]) for name, tensor in theirs.items())
    assert after.reads_persons
    assert after.entry_size == 16 + 8
    untrained = Combination(after.extractor_choice, after.regressor_choice, size=after.size, seed=0).regressor
    assert not torch.equal(untrained.person.enter.weight, after.regressor.person.enter.weight)
    assert {"raw", "person", "zero", "mean"} <= set(report.rows)
    table = pd.read_csv(folder / "predictions_person.csv")
    assert len(table) == len(pd.read_csv(folder / "predictions.csv"))
    assert json.loads((folder / "report.json").read_text())["rows"]["person"]["label"]


def test_a_killed_stage_goes_on_to_the_same_weights(tmp_path, start):
    whole, _ = train(config(start=str(start)), tmp_path / "whole", tensorboard=False)
    again, _ = train(config(start=str(start)), tmp_path / "again", tensorboard=False)
    assert (whole / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    for path in ("model.safetensors", "report.json"):
        (again / path).unlink()
    newest = sorted((again / "checkpoints").iterdir())[-1]
    newest.unlink()
    resumed, _ = train(config(start=str(start)), tmp_path / "again", resume=True, tensorboard=False)
    assert (whole / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()


def test_what_cannot_work_is_refused_before_anything_is_drawn(tmp_path, start):
    with refused("plugin-unsupported", "tiny", "person.steps"):
        train(config(regressor={"name": "tiny"}), tmp_path / "a", tensorboard=False)
    with refused("config-invalid", "people.sources"):
        train(config(people={"sources": []}), tmp_path / "b", tensorboard=False)
    with refused("weights-mismatch", str(start)):
        wide = {"name": "fpr", "config": {"hidden": 24, "person": 8}}
        train(config(start=str(start), regressor=wide), tmp_path / "c", tensorboard=False)
    with refused("model-invalid", "shipped"):
        train(config(start="shipped"), tmp_path / "d", tensorboard=False)


def test_engines_of_people_and_the_model_to_start_from_are_part_of_a_runs_identity(start, monkeypatch):
    here, plain = config(start=str(start)), config(people={"sources": []}, person={**PERSON["person"], "steps": 0})
    assert len(identity._engines(here)) == len(identity._engines(plain)) + 1
    before = identity.Inspector().look(here)["start"]
    assert "start" not in identity.Inspector().look(config())
    monkeypatch.setattr(identity, "sha256_file", lambda path: f"another {path.name}")
    assert identity.Inspector().look(here)["start"] == "another model.safetensors" != before


def test_a_shared_first_phase_trains_no_person_network():
    first = {"loopback": {"steps": 4, "batch": 1, "sampled_batch": 8, "learning_rate": 0.003}}
    shared = json.loads(first_phase(config(**first)))
    assert shared["person"]["steps"] == 0
    assert [name for name, *_ in phases(config(**first))] == ["loopback", "person"]

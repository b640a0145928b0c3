"""`aubench loss-signal`: directions of losses whose gradient is known, what has no gradient, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused, refused
from rich.console import Console
from test_training import TINY, _tiny_plugins, config, shared_cache  # noqa: F401 - fixtures
from tiny_parts import AUS, TinyDataset

from aubench import cli, discovery
from aubench.data.labels import is_locked
from aubench_training.bench import Bench
from aubench_training.loss_signal import measure as measuring
from aubench_training.loss_signal.measure import measure
from aubench_training.loss_signal.model import LossSignal
from aubench_training.loss_signal.setting import setting
from aubench_training.loss_signal.show import page, tell, write
from aubench_training.trainer import train

KNOWING = '''"""Losses that know the truth, which a test alone may: the gradient of each is known."""

import torch

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.parameters import BASE_AU
from tiny_parts import AUS, TinyDataset, TinyDatasetConfig
from aubench.parameters import AU_NAMES


def _distance(parameters, image):
    """Squared error of the labelled AUs, found by the picture."""
    data = TinyDataset(TinyDatasetConfig(seed=1))
    images = torch.from_numpy(data.frames("train").images.copy()).permute(0, 3, 1, 2).float() / 255
    rows = (image[:, None] - images[None]).abs().flatten(2).sum(dim=2).argmin(dim=1)
    truth = BASE_AU + (1 - BASE_AU) * data._parameters("train").au[rows]
    columns = [AU_NAMES.index(name) for name in AUS]
    return (parameters.au - truth)[:, columns].square().sum(dim=1).mean()


class Right:
    def __init__(self, config):
        pass

    def __call__(self, *, parameters, image):
        return _distance(parameters, image)


class Wrong(Right):
    def __call__(self, *, parameters, image):
        return -_distance(parameters, image)


class Constant(Right):
    def __call__(self, *, image):
        return image.mean()


class Flat(Right):
    def __call__(self, *, parameters):
        return (0.0 * parameters.vector()).sum()


@hookimpl
def aubench_losses():
    return [
        Component("loss", name, "of a test", f"{__name__}:{name.title()}", Config)
        for name in ("right", "wrong", "constant", "flat")
    ]
'''


@pytest.fixture
def knowing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "knowing.py").write_text(KNOWING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts,knowing")
    discovery.forget()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signal") / "run"


@pytest.fixture
def run(trained: Path) -> Path:
    """A run of 12 steps, trained once."""
    if not trained.exists():
        short = {"loopback": TINY["loopback"] | {"steps": 8}, "label_free": TINY["label_free"] | {"steps": 4}}
        train(config(**short), trained, tensorboard=False)
    return trained


TINY_DATA = [{"name": "tiny", "config": {}}]


def test_the_direction_of_losses_that_know_the_truth(run: Path, knowing: None) -> None:
    names = ["right", "wrong", "constant", "flat"]
    found = measure(setting(run, TINY_DATA, losses=names, frames=24), command=["aubench", "loss-signal"])
    of = found.datasets[0].losses
    assert found.datasets[0].frames == 24
    assert found.datasets[0].aus == list(AUS)
    for name, sign in (("right", 1.0), ("wrong", -1.0)):
        assert of[name].mean.correlation == pytest.approx(sign, abs=1e-4)
        assert of[name].mean.agreement == float(name == "right")
        assert of[name].parameters["AU12"].correlation == pytest.approx(sign, abs=1e-4)
        assert of[name].parameters["AU07"].rms == 0.0
        assert of[name].groups["au"].reach == "yes"
        assert of[name].groups["pose"].reach == "no path"
        assert of[name].through == ["parameters"]
    # The gradient of a sum of squares is twice the error, at any size of batch.
    assert of["right"].parameters["AU12"].rms == pytest.approx(2 * found.datasets[0].error_rms["AU12"], rel=1e-3)
    assert {group.reach for group in of["constant"].groups.values()} == {"no path"}
    assert {group.reach for group in of["flat"].groups.values()} == {"zero"}
    for name in ("constant", "flat"):
        assert of[name].mean.correlation is None
        assert of[name].parameters["AU12"].correlation is None
        assert of[name].groups["au"].share == 0.0


def test_what_the_papers_losses_reach_and_what_is_written(run: Path, tmp_path: Path, capsys) -> None:
    found = measure(setting(run, TINY_DATA, frames=16))
    of = found.datasets[0].losses
    assert list(of) == ["ct", "id", "lp", "pr", "adv"]
    assert {name for name, loss in of.items() if loss.groups["au"].reach == "yes"} == {"ct", "lp", "pr"}
    assert of["id"].groups["au"].reach == of["adv"].groups["au"].reach == "no path"
    assert of["pr"].groups["brow"].reach == "no path"
    assert of["id"].groups["identity"].reach == "yes"
    assert of["lp"].through == ["parameters", "emotionless_readback", "unidentified_readback"]
    assert of["ct"].groups["au"].share == pytest.approx(of["ct"].groups["au"].rms / found.loopback["au"])
    assert found.datasets[0].error_rms["yaw"] is None
    write(found, tmp_path / "out")
    assert LossSignal.model_validate_json((tmp_path / "out" / "loss-signal.json").read_text()) == found
    assert "| no path |" in page(found)
    tell(found, Console())
    assert "sampled loopback" in capsys.readouterr().out
    assert (tmp_path / "out" / "loss-signal.png").stat().st_size > 10_000
    write(found, tmp_path / "out")  # our own files are replaced
    assert json.loads((tmp_path / "out" / "loss-signal.json").read_text())["kind"] == "loss-signal"


def test_a_measurement_computes_behind_the_locked_door(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = measuring.of_losses
    monkeypatch.setattr(measuring, "of_losses", lambda *a: (seen.append(is_locked()), real(*a))[1])
    measure(setting(run, TINY_DATA, losses=["pr"], frames=8))
    assert seen == [True]


def test_frames_that_no_batch_holds_are_left_out(run: Path, knowing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "rows", lambda self, stage, step: np.arange(10, 18))
    found = measure(setting(run, TINY_DATA, losses=["right"], frames=24)).datasets[0]
    assert found.frames == 8
    assert found.losses["right"].mean.correlation == pytest.approx(1.0, abs=1e-4)


def test_a_person_needs_a_regressor_that_reads_persons(run: Path) -> None:
    with refused("plugin-unsupported", "--at person", "tiny"):
        measure(setting(run, TINY_DATA, losses=["pr"], frames=8), at="person")


def test_mistakes_are_told(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def called(*words: str) -> str:
        capsys.readouterr()
        assert cli.main(["loss-signal", "--run", str(run), "--out", str(tmp_path / "out"), *words]) == 2
        return capsys.readouterr().err

    assert_refused(called("--datasets", "tiny", "--losses", "ct,nonesuch"), "name-unknown", "nonesuch")
    assert_refused(called("--datasets", "nonesuch"), "name-unknown", "nonesuch")
    assert_refused(called("--root", "tiny=x"), "option-missing", "--datasets")
    monkeypatch.setattr(TinyDataset, "aus", ())
    assert_refused(called("--datasets", "tiny", "--losses", "pr"), "labels-missing", "tiny")
    monkeypatch.setattr(TinyDataset, "aus", AUS)
    with refused("run-missing", tmp_path):
        setting(tmp_path, TINY_DATA)
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "loss-signal.md").write_text("of somebody else")
    assert_refused(called("--datasets", "tiny"), "output-exists", "loss-signal.md")

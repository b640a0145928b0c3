"""`aubench train` end to end on tiny plugins: the run folder, kill -9 and resume, the locked labels, bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from refusals import assert_refused, refused
from rich.console import Console

from aubench import discovery
from aubench.combination import Choice, Combination
from aubench.data.labels import LabelsLocked
from aubench.parameters import BASE_AU
from aubench_training.bench import Bench
from aubench_training.checkpoint import Checkpoints, read_state, write_state
from aubench_training.config import check, dump, load_config, loss_weights, resolve
from aubench_training.device import choose_device, choose_dtype
from aubench_training.ema import Ema
from aubench_training.loop import fit
from aubench_training.progress import Progress
from aubench_training.run_folder import working_in
from aubench_training.sampler import batch_rows, order
from aubench_training.trainer import train

TINY = {
    "extractor": {"name": "tiny"},
    "regressor": {"name": "tiny"},
    "renderer": {"name": "tiny"},
    "engine": {"name": "tiny"},
    "recogniser": {"name": "tiny"},
    "datasets": [{"name": "tiny"}],
    "losses": {"ct": 1.0, "id": 0.1, "lp": 0.1, "pr": 0.03, "adv": 0.1},
    "additions": {
        "loopback_first": True,
        "sampled_loopback": True,
        "domain_standardisation": True,
        "feature_noise": True,
        "frozen_statistics": True,
    },
    "sampled": {"count": 300, "held_out": 50, "noise": 0.1},
    "loopback": {"steps": 60, "batch": 1, "sampled_batch": 64, "learning_rate": 0.003},
    "label_free": {"steps": 20, "batch": 8, "sampled_batch": 16, "learning_rate": 0.0003},
    "checkpoint_every": 10,
    "precision": "fp32",
    "device": "cpu",
    "baselines": [],
}


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _tiny_plugins(monkeypatch, shared_cache):
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts")
    monkeypatch.setenv("AUBENCH_CACHE", str(shared_cache))
    # Sums depend on the number of threads in their last bits: one here and in the processes started.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    discovery.forget()
    yield
    discovery.forget()
    torch.set_num_threads(threads)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


def config(**over):
    return check({"recipe": "tiny", **TINY, **over})


def run(folder: Path, **over):
    return train(config(**over), folder, tensorboard=False)


# --- a whole run ------------------------------------------------------------------------------------------------------


def test_a_run_leaves_everything_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_NOTES", str(tmp_path / "notes.json"))
    folder, report = train(config(baselines=["tiny"]), tmp_path / "run", command=["aubench", "train"])
    names = {p.name for p in folder.iterdir()}
    assert {
        "config.yaml", "environment.json", "metrics.jsonl", "tensorboard", "checkpoints", "model.safetensors",
        "model.json", "predictions.csv", "truth.csv", "figure.png", "report.md", "report.json",
    } <= names  # fmt: skip
    predictions = pd.read_csv(folder / "predictions.csv")
    assert list(predictions.columns[:5]) == ["dataset", "subject", "sequence", "frame", "AU01"]
    assert {"pose_yaw", "pose_pitch", "valid"} <= set(predictions.columns)
    assert sorted(predictions["subject"].unique()) == ["P02", "P05", "P08", "P11"]
    assert predictions["AU12"].between(0, 5).all()
    assert set(report.rows) == {"raw", "calibrated", "tiny", "zero", "mean"}
    assert report.training.steps == 80
    assert json.loads((tmp_path / "notes.json").read_text()) == {"labels": False}
    assert load_config(folder / "config.yaml") == config(baselines=["tiny"])
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if "loss" in row][-1]
    assert last["step"] == 80
    assert {"loss/ct", "loss/id", "loss/lp", "loss/pr", "loss/adv", "loss/sampled_loopback"} <= set(last)
    assert any("in_domain/icc31" in row for row in rows)


def test_the_regressor_learns_without_labels(tmp_path):
    phase = TINY["loopback"] | {"steps": 400}
    _, report = run(tmp_path / "run", loopback=phase, sampled={"count": 512, "held_out": 100, "noise": 0.1})
    assert report.training.in_domain_icc31 > 0.6
    assert report.datasets["tiny"].mean.icc31 > 0.4


def test_same_seed_same_predictions_and_another_seed_others(tmp_path):
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        folder, _ = run(tmp_path / name, seed=seed)
        texts.append((folder / "predictions.csv").read_text())
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_the_paper_recipe_adds_nothing():
    paper = resolve("paper", options={"extractor": {"name": "tiny"}, "regressor": {"name": "tiny"}})
    assert not any(paper.additions.model_dump().values())
    assert paper.losses == {"ct": 1.0, "id": 0.1, "lp": 0.1, "pr": 0.1, "adv": 0.1}
    assert paper.steps == paper.label_free.steps


def test_without_additions_no_engine_sample_is_trained_on(tmp_path):
    bench = Bench(config(additions={}), Console(quiet=True))
    assert [stage.name for stage in bench.stages] == ["label_free"]
    assert not bench.words & {"sampled_features", "sampled_parameters"}
    fit(bench, tmp_path / "run", tensorboard=False)
    assert "sampled" not in vars(bench.pools)
    assert not bench.combination.standardiser.fitted.any()


def test_networks_that_no_loss_needs_are_not_built():
    bench = Bench(config(losses={"pr": 1.0}), Console(quiet=True))
    assert "_renderer" not in bench.__dict__
    assert "_recogniser" not in bench.__dict__


@pytest.mark.parametrize("style", ["photo", "both"])
def test_samples_in_photo_looks(tmp_path, style):
    sampled = {"count": 200, "held_out": 50, "style": style}
    bench = Bench(config(sampled=sampled), Console(quiet=True))
    facts = fit(bench, tmp_path / "run", tensorboard=False)
    assert [drawn.domain for drawn in bench.pools.sampled] == (["photo"] if style == "photo" else ["drawn", "photo"])
    assert ("in_domain_photo_icc31" in facts) == (style == "both")
    assert bench.combination.standardiser.fitted.all()
    assert len(bench.batch(bench.stages[0], 0)["sampled_parameters"]) == 64


def test_faces_of_a_further_engine_teach_pose_and_action_units_only(tmp_path):
    more = [{"engine": {"name": "tiny", "config": {}}, "count": 100}]
    bench = Bench(config(sampled={"count": 200, "held_out": 50, "more": more}), Console(quiet=True))
    facts = fit(bench, tmp_path / "run", tensorboard=False)
    own, other = bench.pools.sampled
    assert len(other.samples) == 100
    assert other.domain == "photo"
    assert other.parameters().identity.isnan().all()
    assert not own.parameters().identity.isnan().any()
    batch = bench.batch(bench.stages[0], 0)["sampled_parameters"]
    assert len(batch) == 64
    assert int(batch.identity.isnan().all(dim=1).sum()) == round(64 / 3)
    assert np.isfinite(facts["in_domain_tiny_icc31"])


def test_faces_with_too_many_action_units_are_passed_over():
    bench = Bench(config(sampled={"count": 200, "held_out": 50, "expressions": 0.5, "most": 10}), Console(quiet=True))
    read = torch.cat([bench.batch(bench.stages[0], step)["sampled_parameters"].au for step in range(4)])
    assert int((read > 2 * BASE_AU).sum(dim=1).max()) <= 10
    crowded = Bench(config(sampled={"count": 10, "held_out": 5, "most": 1}), Console(quiet=True))
    with refused("config-invalid", "sampled.most 1", "tiny"):
        _ = crowded.pools.sampled


def test_several_data_sets_are_mixed(tmp_path):
    two = [
        {"name": "tiny", "config": {"name": "one", "seed": 1}},
        {"name": "tiny", "config": {"name": "two", "seed": 2}},
    ]
    _, report = run(tmp_path / "run", datasets=two)
    assert set(report.datasets) == {"one", "two"}
    bench = Bench(config(datasets=two), Console(quiet=True))
    assert len(bench.pools.photo) == 2 * 32
    both = bench.batch(bench.stages[1], 62)
    direct = bench.combination.extractor.features(bench.pools.images(batch_rows(0, 0, 2, 8, 64)))
    torch.testing.assert_close(both["features"].fused, direct.fused, atol=2e-3, rtol=2e-3)


def test_augmented_copies_train_beside_the_frames():
    plain = Bench(config(), Console(quiet=True))
    bench = Bench(config(copies={"count": 1, "options": {"yaw": 20}}), Console(quiet=True))
    count = plain.pools.frame_count
    assert bench.pools.original_count == count
    assert bench.pools.frame_count == len(bench.pools.photo) == 2 * count
    rows = np.array([count, 0, 2 * count - 1])
    images, again = bench.pools.images(rows), bench.pools.images(rows)
    torch.testing.assert_close(images, again)
    torch.testing.assert_close(images[1:2], plain.pools.images(np.array([0])))
    assert (images[0] - images[1]).abs().mean() > 0.01
    plain.fit_statistics()
    bench.fit_statistics()  # those of the frames as they are
    both = (b.combination.standardiser.state_dict() for b in (plain, bench))
    for mine, theirs in zip(*(state.values() for state in both), strict=True):
        torch.testing.assert_close(mine, theirs)


BESIDE = {"sequence": 1.0, "teacher": 1.0, "equivariance": 1.0, "ct": 1.0}


def test_losses_that_compare_frames_move_the_regressor_and_resume(tmp_path):
    """Killed in the middle of the label-free phase, the run ends as the whole one does: the start is kept with it."""
    new = {"losses": BESIDE, "label_free": TINY["label_free"] | {"steps": 12, "fresh": True}, "warps": {"count": 2}}
    whole, _ = run(tmp_path / "whole", **new)
    facts = json.loads((whole / "report.json").read_text())["training"]
    assert 0 < facts["label_free_au_weights_moved"] < 1
    assert facts["label_free_in_domain_icc31_before"] != facts["label_free_in_domain_icc31_after"]
    assert facts["label_free_in_domain_icc31_after"] == facts["in_domain_icc31"]
    state = Checkpoints(whole / "checkpoints").latest()
    assert state is not None
    assert state["ema"]["updates"] == 12, "a fresh average knows nothing of the first phase"
    killed = tmp_path / "killed"
    shutil.copytree(whole, killed)
    (killed / "checkpoints" / "step-00000072.safetensors").unlink()  # step 70 is left, within the label-free phase
    train(config(**new), killed, resume=True, tensorboard=False)
    again = json.loads((killed / "report.json").read_text())
    assert again["training"]["resumed_at"] == 70
    assert (killed / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert again["training"]["label_free_au_weights_moved"] == facts["label_free_au_weights_moved"]


def test_a_loss_that_needs_calm_frames_is_refused_where_subjects_have_few(tmp_path):
    bench = Bench(config(losses={"departures": 1.0}), Console(quiet=True))
    with refused("dataset-incomplete", "neutral_features", "tiny"):
        fit(bench, tmp_path / "run", tensorboard=False)


def test_going_on_is_another_training_than_starting_fresh(tmp_path):
    moved = []
    for fresh in (False, True):
        bench = Bench(config(label_free=TINY["label_free"] | {"fresh": fresh}), Console(quiet=True))
        moved.append(fit(bench, tmp_path / str(fresh), tensorboard=False)["label_free_au_weights_moved"])
    assert moved[0] != moved[1]


# --- labels -----------------------------------------------------------------------------------------------------------


def test_a_data_set_that_peeks_at_labels_is_stopped(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TINY_DATA", str(tmp_path / "data"))
    with pytest.raises(LabelsLocked):
        run(tmp_path / "run", datasets=[{"name": "tiny", "config": {"peek": True}}])


def test_training_never_opens_training_labels(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TINY_DATA", str(tmp_path / "data"))
    run(tmp_path / "run")
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["test.aulabels.npy"]


# --- kill -9 and resume -----------------------------------------------------------------------------------------------


def command(recipe: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "aubench", "train", "--recipe", str(recipe), "--out", str(out), *more]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_to_the_same_predictions(tmp_path):
    slow, over = tmp_path / "slow.yaml", {"regressor": {"name": "tiny", "config": {"step_s": 0.02}}}
    slow.write_text(yaml.safe_dump({**TINY, **over}))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    same = resolve(str(slow))
    train(same, whole, tensorboard=False)
    for place in (20, 65):  # once in each phase
        # A step past the place's checkpoint, so that work is lost and done again.
        resume = ["--resume"] if killed.exists() else []
        process = subprocess.Popen(command(slow, killed, *resume), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not any(int(p.stem[5:]) >= place for p in (killed / "checkpoints").glob("step-*.safetensors")):
            assert process.poll() is None, "finished before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (killed / "predictions.csv").exists()
    train(same, killed, resume=True, tensorboard=False)
    assert (killed / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    reports = [json.loads((folder / "report.json").read_text()) for folder in (whole, killed)]
    assert reports[0]["datasets"] == reports[1]["datasets"]
    assert reports[1]["training"]["resumed_at"]
    steps = [json.loads(line)["step"] for line in (killed / "metrics.jsonl").read_text().splitlines()]
    assert steps == [json.loads(line)["step"] for line in (whole / "metrics.jsonl").read_text().splitlines()]


def test_an_existing_run_is_not_overwritten_nor_mixed(tmp_path):
    run(tmp_path / "run")
    with refused("run-exists", tmp_path / "run", "--resume"):
        run(tmp_path / "run")
    with refused("run-mismatch", tmp_path / "run", "seed"):
        train(config(seed=5), tmp_path / "run", resume=True, tensorboard=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with refused("output-exists", tmp_path / "other"):
        run(tmp_path / "other")


def test_resuming_a_finished_run_gives_the_same_again(tmp_path):
    folder, _ = run(tmp_path / "run")
    before = (folder / "predictions.csv").read_bytes()
    train(config(), folder, resume=True, tensorboard=False)
    assert (folder / "predictions.csv").read_bytes() == before


# --- guards -----------------------------------------------------------------------------------------------------------


def test_bad_gradients_are_passed_over_then_end_the_run(tmp_path):
    bench = Bench(config(bad_steps=3), Console(quiet=True))
    good = bench.stages[0].plan.losses["sampled_loopback"]
    calls = []

    def poisoned(*, sampled_parameters, sampled_readback):
        calls.append(1)
        term = good(sampled_parameters=sampled_parameters, sampled_readback=sampled_readback)
        return term * float("nan") if len(calls) in (5, 6) else term

    bench.stages[0].plan.losses["sampled_loopback"] = poisoned  # type: ignore[index]
    facts = fit(bench, tmp_path / "a", tensorboard=False)
    assert facts["passed_over"] == 2
    assert all(torch.isfinite(p).all() for p in bench.combination.regressor.parameters())

    bench = Bench(config(bad_steps=3, losses={"pr": 1e38}), Console(quiet=True))
    with refused("training-diverged", "label_free.learning_rate"):
        fit(bench, tmp_path / "b", tensorboard=False)


def test_batches_visit_every_frame_once_per_pass():
    seen = np.concatenate([batch_rows(3, 0, step, 7, 20) for step in range(20)])
    for epoch in range(7):
        assert sorted(seen[epoch * 20 : (epoch + 1) * 20]) == list(range(20))
    assert not np.array_equal(order(3, 0, 0, 20), order(3, 0, 1, 20))
    assert len(batch_rows(0, 0, 0, 50, 20)) == 50


# --- the parts --------------------------------------------------------------------------------------------------------


def test_checkpoint_round_trip_and_rotation(tmp_path):
    network = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.rand(4, 3)).sum().backward()
    optimiser.step()
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        checkpoints.save(step, {"optimiser": optimiser.state_dict(), "note": ["a", (1, None)]})
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["step-00000002.safetensors", "step-00000003.safetensors"]
    state = checkpoints.latest()
    assert state is not None
    assert (state["step"], state["note"]) == (3, ["a", (1, None)])
    fresh = torch.optim.AdamW(network.parameters())
    fresh.load_state_dict(state["optimiser"])
    for a, b in zip(fresh.state.values(), optimiser.state.values(), strict=True):
        assert torch.equal(a["exp_avg"], b["exp_avg"])


def test_a_write_that_fails_leaves_the_previous_checkpoint(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"weight": torch.ones(3)})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with refused("disk-full", "step-00000002", "--out"):
        checkpoints.save(2, {"weight": torch.zeros(3)})
    monkeypatch.undo()
    state = checkpoints.latest()
    assert state is not None
    assert state["step"] == 1


def test_truncated_or_foreign_checkpoints_are_named(tmp_path):
    path = tmp_path / "step-00000001.safetensors"
    write_state(path, {"weight": torch.ones(1000)})
    path.write_bytes(path.read_bytes()[:500])
    with refused("file-damaged", "step-00000001"):
        read_state(path)
    path.write_bytes(b"\x80\x04K\x01.")
    with refused("weights-unsafe", "step-00000001"):
        read_state(path)


def test_ema_forgets_its_start_and_counts_updates():
    network = torch.nn.Linear(1, 1, bias=False)
    ema = Ema(network, decay=0.9)
    with torch.no_grad():
        network.weight.fill_(5.0)
    for _ in range(200):
        ema.update(network)
    assert ema.shadow.weight.item() == pytest.approx(5.0, abs=1e-3)
    other = Ema(network)
    other.load_state_dict(ema.state_dict())
    assert other.updates == 200


def test_a_run_folder_belongs_to_one_process_at_a_time(tmp_path):
    with working_in(tmp_path / "run"):
        for resume in (False, True):
            with refused("run-busy", tmp_path / "run", f"process {os.getpid()}"):
                train(config(), tmp_path / "run", resume=resume)
    assert not (tmp_path / "run").exists(), "nothing came into it"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    with refused("output-exists", tmp_path / "mine"):
        train(config(), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_progress_drops_what_a_killed_run_wrote_after_its_checkpoint(tmp_path):
    with Progress(tmp_path, total=5, title="train", log_every=1, tensorboard=False) as progress:
        for step in range(1, 6):
            progress.step(step, {"loss": float("nan") if step == 2 else 1.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "pha')
    with Progress(tmp_path, total=5, title="train", start=3, log_every=1, tensorboard=False) as progress:
        progress.step(4, {"loss": 2.0})
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["loss"]) for row in rows] == [(1, 1.0), (2, None), (3, 1.0), (4, 2.0)]


def test_combination_round_trip_and_its_refusals(tmp_path):
    made = Combination(Choice("tiny"), Choice("tiny"), size=16, seed=4, renderer=Choice("tiny", {}))
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    extractor = made.extractor
    made.standardiser.fit("photo", [extractor.features(torch.rand(9, 3, 16, 16)) for _ in range(3)])
    made.save(tmp_path)
    again = Combination.load(tmp_path)
    assert torch.equal(again.predict(images).vector(), made.predict(images).vector())
    torch.testing.assert_close(made.predict(images, batch=2).vector(), made.predict(images).vector())
    assert len(made.predict(images[:0])) == 0
    assert again.renderer_choice == made.renderer_choice
    card = json.loads((tmp_path / "model.json").read_text())
    card["extractor"]["digest"] = "0" * 64
    (tmp_path / "model.json").write_text(json.dumps(card))
    with refused("model-invalid", "model.json", "'tiny'"):
        Combination.load(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with refused("model-invalid", "model.json"):
        Combination.load(tmp_path)
    with refused("run-missing", "nowhere"):
        Combination.load(tmp_path / "nowhere")


def test_standardiser_takes_each_domain_to_zero_mean_unit_spread():
    made = Combination(Choice("tiny"), Choice("tiny"), size=16)
    photo = made.extractor.features(torch.rand(50, 3, 16, 16))
    drawn = photo.each(lambda t: 3 * t + 1)
    made.standardiser.fit("photo", [photo[:20], photo[20:]])
    made.standardiser.fit("drawn", [drawn])
    for features, domain in ((photo, "photo"), (drawn, "drawn")):
        out = made.standardiser(features, domain).maps["mouth"]
        assert out.mean(0).abs().max() < 1e-4
        assert 0.9 < out.std(0).mean() < 1.05
    torch.testing.assert_close(
        made.standardiser(photo, "photo").fused, made.standardiser(drawn, "drawn").fused, atol=1e-3, rtol=1e-3
    )


# --- options ----------------------------------------------------------------------------------------------------------


def test_set_preset_and_losses(recipe):
    chosen = resolve(str(recipe), assignments=["label_free.steps=7", "additions.feature_noise=false", "seed=3"])
    assert (chosen.label_free.steps, chosen.additions.feature_noise, chosen.seed) == (7, False, 3)
    assert check(yaml.safe_load(dump(chosen))) == chosen
    assert loss_weights(["ct", "pr=0.5"], {"ct": 2.0}) == {"ct": 2.0, "pr": 0.5}


@pytest.mark.parametrize(
    ("options", "code", "values"),
    [
        ({"recipe": "papr"}, "name-unknown", ["--recipe papr", "paper"]),
        ({"recipe": "missing.yaml"}, "file-missing", ["--recipe missing.yaml"]),
        ({"preset": "big"}, "name-unknown", ["--preset big"]),
        ({"assignments": ["label_free.stepz=3"]}, "config-invalid", ["stepz"]),
        ({"assignments": ["seed"]}, "option-invalid", ["--set seed"]),
        ({"options": {"extractor": {"name": "tinny"}}}, "name-unknown", ["'tinny'", "tiny"]),
        ({"options": {"losses": {"cd": 1.0}}}, "name-unknown", ["'cd'"]),
        ({"options": {"datasets": [{"name": "tyni"}]}}, "name-unknown", ["dataset", "'tyni'"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mistakes_are_named_with_a_remedy(recipe, options, code, values):
    with refused(code, *values):
        resolve(**{"recipe": str(recipe), **options})


def test_devices_and_formats():
    assert choose_device("cpu").type == "cpu"
    with refused("option-invalid", "--device gpu"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with refused("device-unavailable", "--device cuda"):
            choose_device("cuda")
    assert choose_dtype(torch.device("cpu"), "fp32") == torch.float32


def test_command_line_reports_mistakes_with_exit_code_two(recipe, tmp_path):
    done = subprocess.run(command(recipe, tmp_path / "run", "--losses", "ct,idd"), capture_output=True, text=True)
    assert done.returncode == 2
    assert_refused(done.stderr, "name-unknown", "'idd'", "id?")
    assert not (tmp_path / "run").exists()


def test_the_paper_preset_lays_sizes_under_what_was_given():
    chosen = resolve("paper", preset="paper", assignments=["extractor.config.width=48"])
    assert chosen.extractor.config["size"] == 256
    assert chosen.extractor.config["width"] == 48
    assert chosen.sampled.count == 80000
    other = resolve("paper", preset="paper", options={"extractor": {"name": "tiny", "config": {}}})
    assert other.extractor.config == {}


def test_what_cannot_run_leaves_no_folder(tmp_path):
    with refused("plugin-unsupported", "'bdfm'", "neural"):
        run(tmp_path / "run", renderer={"name": "bdfm", "config": {"size": 64}})
    with refused("option-invalid", "--device gpu"):
        run(tmp_path / "run", device="gpu")
    assert not (tmp_path / "run").exists()

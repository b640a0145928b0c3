"""`aubench run`: names, what is done, what is shared, what fails alone, kill -9 and resume, the table."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from filelock import FileLock
from refusals import assert_refused, refused
from rich.console import Console
from test_training import TINY, _tiny_plugins, config, shared_cache  # noqa: F401 - fixtures

from aubench import discovery, registry
from aubench.cli import main
from aubench.cli.run import without_option
from aubench.progress import in_words
from aubench_training.config import load_config
from aubench_training.runner import pool as pool_module
from aubench_training.runner.asked import Asked, choose, of_matrix
from aubench_training.runner.board import Board
from aubench_training.runner.card import Card
from aubench_training.runner.estimate import Speeds, phases, total_s
from aubench_training.runner.identity import Inspector, identity, unlike
from aubench_training.runner.jobs import MATRIX, Job, first_phase, make_plan
from aubench_training.runner.pool import Pool, slots
from aubench_training.runner.run import Request, exit_code, run
from aubench_training.runner.summary import spread
from aubench_training.runner.worker import halve
from aubench_training.trainer import train

SHORT = {
    "loopback": TINY["loopback"] | {"steps": 12},
    "label_free": TINY["label_free"] | {"steps": 4},
    "losses": {"pr": 0.1},
}


@pytest.fixture(autouse=True)
def _bench(tmp_path, monkeypatch, _tiny_plugins):  # noqa: F811
    """A project folder with a recipe and a registry of matrices."""
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts,runner_parts")
    monkeypatch.delenv("RUNNER_BREAKS", raising=False)
    discovery.forget()
    monkeypatch.chdir(tmp_path)
    Path("short.yaml").write_text(yaml.safe_dump({**TINY, **SHORT}))
    Path("slow.yaml").write_text(
        yaml.safe_dump({**TINY, **SHORT, "loopback": TINY["loopback"], "regressor": SLOW, "checkpoint_every": 5})
    )
    Path("registry.yaml").write_text(yaml.safe_dump({
        "version": 1,
        "extractors": {"other": {"use": "tiny"}},
        "losses": {"greedy": {"use": "hungry", "config": {"most": 2}}},
        "matrices": {
            "trouble": {"recipe": "short.yaml", "losses": [["ct", "pr"], ["pr", "hungry"], ["pr", "fragile"]]},
            "one": {"recipe": "slow.yaml", "seeds": [3]},
            "wide": {"recipe": "short.yaml", "extractor": ["tiny"], "losses": [["ct=0.5"], []], "seeds": [0, 1]},
            "moon": {"recipe": "short.yaml", "losses": [["pr"], ["pr", "needy"]]},
            "absent": {"recipe": "short.yaml", "losses": [["pr"], ["prr"]]},
            "twice": {"recipe": "short.yaml", "losses": [["pr"], ["pr"]]},
        },
    }))  # fmt: skip


SLOW = {"name": "tiny", "config": {"step_s": 0.02}}


def asked_of(name: str, **options) -> list[Asked]:
    return of_matrix(registry.load(), name, **options)


def snapshot(folder: Path) -> dict[str, int]:
    """When each file was written last; a folder's own time changes with a probe of the file system, too."""
    return {str(path): path.stat().st_mtime_ns * path.is_file() for path in sorted(folder.rglob("*"))}


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_runs_are_called_after_the_choices_of_the_matrix():
    names = [asked.name for asked in asked_of("wide")]
    assert names == ["short_tiny_ct=0.5_s0", "short_tiny_ct=0.5_s1", "short_tiny_none_s0", "short_tiny_none_s1"]
    wide = asked_of("wide", seeds=[7], steps=3, assignments=["clip=2.0"])
    assert [a.name for a in wide] == ["short_tiny_ct=0.5_s7", "short_tiny_none_s7"]
    assert wide[0].config.losses == {"ct": 0.5}
    assert (wide[1].config.seed, wide[1].config.label_free.steps, wide[1].config.clip) == (7, 3, 2.0)
    assert [a.name for a in choose(asked_of("wide"), "none_s1")] == ["short_tiny_none_s1"]
    assert [a.name for a in choose(asked_of("wide"), "*ct*_s?")] == names[:2]
    with refused("name-unknown", "--only short_tiny_nine_s1", "short_tiny_none_s1"):
        choose(asked_of("wide"), "short_tiny_nine_s1")


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--registry", "none.yaml", "wid"], "file-missing", ["none.yaml"]),
        (["wid"], "name-unknown", ["'wid'", "wide"]),
        (["absent"], "name-unknown", ["matrices.absent: short_prr", "'prr'", "pr?"]),
        (["twice"], "config-invalid", ["short_pr_s0", "short_pr-2_s0"]),
        (["wide", "--set", "seed=4"], "config-invalid", ["--seeds"]),
        (["moon"], "plan-invalid", ["loss 'needy' -> moonlight"]),
        (["wide", "--seeds", "a"], "option-invalid", ["--seeds a"]),
        (["wide", "--seeds", "1,1"], "option-invalid", ["--seeds 1,1"]),
        (["wide", "--only", "zzz"], "name-unknown", ["--only zzz"]),
        (["wide", "--out", "full"], "output-exists", ["--out full"]),
        (["wide", "--out", "other"], "run-mismatch", ["--out other", "'one'", "'wide'"]),
        (["wide", "--out", "short.yaml"], "output-unwritable", ["--out short.yaml"]),
        (["wide", "--device", "gpu"], "option-invalid", ["gpu"]),
        (["wide", "--set", "nonsense=1"], "config-invalid", ["nonsense"]),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_mistakes_end_with_two_before_anything_is_trained(tmp_path, capsys, arguments, code, values):
    for folder, text in (("full", None), ("other", '{"matrix": "one", "rows": [], "failures": []}')):
        Path(folder).mkdir()
        (Path(folder) / (MATRIX if text else "letter.txt")).write_text(text or "dear")
    before = snapshot(tmp_path)
    position = 2 if arguments[0] == "--registry" else 0
    assert main([*arguments[:position], "run", *arguments[position:]]) == 2
    assert_refused(capsys.readouterr().err, code, *values)
    assert snapshot(tmp_path) == before


# --- what decides a run -----------------------------------------------------------------------------------------------


def test_identity_holds_config_versions_weights_and_data(monkeypatch):
    look = Inspector().look
    one = config(**SHORT)
    mine = identity(one, look(one))
    assert mine["plugins"]["loss pr"].startswith("aubench ")
    assert mine["plugins"]["extractor tiny"].startswith("sha256 ")
    assert mine["data"] == {"tiny": "tiny-7"}
    assert set(mine["weights"]) == {"extractor", "renderer"}  # no loss needs the recogniser
    again = config(**SHORT)
    assert identity(again, Inspector().look(again)) == mine
    elsewhere = config(**SHORT, device="auto")
    assert identity(elsewhere, look(elsewhere)) == mine
    for over, entry in (
        ({"clip": 2.0}, "clip"),
        ({"datasets": [{"name": "tiny", "config": {"seed": 8}}]}, "data.tiny"),
        ({"losses": {"ct": 1.0}}, "losses.ct"),
    ):
        other = config(**{**SHORT, **over})
        assert entry in unlike(mine, identity(other, look(other)))
    monkeypatch.setattr("tiny_parts.DIGEST", "tiny-2")
    assert unlike(mine, identity(one, Inspector().look(one))) == ["engine.tiny"]


def test_identity_holds_every_engine_of_a_run(monkeypatch):
    monkeypatch.setenv("AUBENCH_PLUGINS", "tiny_parts,runner_parts,fake_plugin")
    discovery.forget()
    more = {"sampled": {**TINY.get("sampled", {}), "more": [{"engine": {"name": "fake"}, "count": 4}]}}
    one = config(**SHORT, **more)
    mine = identity(one, Inspector().look(one))
    assert set(mine["engine"]) == {"tiny", "fake"}
    assert "renderer fake" in mine["plugins"]
    monkeypatch.setattr("fake_face.DIGEST", "fake-2")
    assert unlike(mine, identity(one, Inspector().look(one))) == ["engine.fake"]


def test_first_phases_are_shared_where_losses_alone_differ():
    whole, other = config(**SHORT), config(**{**SHORT, "losses": {"ct": 1.0}, "recogniser": None})
    assert first_phase(whole) == first_phase(other)
    assert first_phase(whole) != first_phase(config(**SHORT, seed=1))
    assert first_phase(whole) != first_phase(config(**SHORT, clip=3.0))
    assert first_phase(config(**SHORT, additions={})) is None
    plan = make_plan(asked_of("wide"), Path("out"), "wide")
    assert [job.name for job in plan.jobs] == [
        "first-phase-0", "short_tiny_ct=0.5_s0", "first-phase-1", "short_tiny_ct=0.5_s1", "short_tiny_none_s0",
        "short_tiny_none_s1",
    ]  # fmt: skip
    assert plan.sharing == {"first-phase-0": 2, "first-phase-1": 2}
    assert not Path("out").exists()
    alone = make_plan(asked_of("wide", seeds=[0])[:1], Path("out"), "wide")
    assert [job.kind for job in alone.jobs] == ["run"]


def test_without_a_registry_there_is_no_matrix():
    with refused("file-missing", "registry.yaml", "'wide'"):
        of_matrix(registry.Registry(), "wide")


def test_half_the_batch():
    halved = halve(config(**SHORT), ["loopback", "label_free"])
    assert (halved.loopback.batch, halved.loopback.sampled_batch) == (1, 32)
    assert (halved.label_free.batch, halved.label_free.sampled_batch) == (4, 8)
    assert halve(config(**SHORT), []) == config(**SHORT)
    assert halve(config(**SHORT, seed=2), ["label_free"]).loopback == config(**SHORT).loopback


# --- whole matrices ---------------------------------------------------------------------------------------------------


def test_failures_stay_alone_memory_is_met_with_half_the_batch_and_what_is_done_is_skipped(monkeypatch, capsys):
    monkeypatch.setenv("RUNNER_BREAKS", "yes")
    monkeypatch.setattr(sys, "argv", ["aubench", "run", "trouble"])
    assert main(["run", "trouble", "--jobs", "2"]) == 1
    out = Path("runs/trouble")
    told = capsys.readouterr()
    assert "short_ct+pr_s0: done, ICC(3,1)" in told.err
    summary = json.loads((out / "matrix.json").read_text())
    assert (summary["done"], summary["asked"]) == (2, 3)
    assert summary["shared_first_phases"] == {"first-phase-0": 3}
    assert not (out / "first-phase-0" / "predictions.csv").exists()  # else `aubench compare` would take it for a run

    # broken: a line of its own, with the way to try again
    (failure,) = summary["failures"]
    assert (failure["run"], failure["fault"]) == ("short_pr+fragile_s0", "internal")
    assert failure["reason"] == "RuntimeError: the loss is broken, sadly"
    assert failure["retry"] == "aubench run trouble --only short_pr+fragile_s0"
    assert "Traceback" in (out / failure["log"]).read_text()
    assert summary["rows"]["short_pr+fragile"]["icc31"] == {"mean": None, "deviation": None, "seeds": 0}

    # hungry: retried once, and nobody is told it was a whole batch
    hungry = Card.read(out / "short_pr+hungry_s0")
    assert hungry is not None
    assert (hungry.state, hungry.halved, hungry.retried) == ("done", ["label_free"], True)
    made = load_config(out / "short_pr+hungry_s0" / "config.yaml")
    assert (made.label_free.batch, made.loopback.sampled_batch) == (4, 64)
    report = json.loads((out / "short_pr+hungry_s0" / "report.json").read_text())
    assert report["halved_batch"] == ["label_free"]
    assert report["training"]["resumed_at"] == 12
    assert summary["rows"]["short_pr+hungry"]["halved"] == {"0": ["label_free"]}
    page = (out / "matrix.md").read_text()
    assert "At half the batch, since memory did not suffice: short_pr+hungry (seed 0: label_free)." in page
    assert "`aubench compare --datasets tiny --runs runs/trouble`" in page
    assert page in told.out

    # the same numbers as alone
    alone, _ = train(asked_of("trouble")[0].config, Path("alone"), tensorboard=False)
    assert (out / "short_ct+pr_s0" / "predictions.csv").read_bytes() == (alone / "predictions.csv").read_bytes()

    # a dry run says so and touches nothing, another config is refused, and a second call does only what is left
    before = snapshot(Path())
    assert main(["run", "trouble", "--dry-run"]) == 0
    planned = " ".join(capsys.readouterr().out.split())
    assert "short_ct+pr_s0 done" in planned
    assert "short_pr+fragile_s0 goes on at step 12 4" in planned
    assert "2 of 3 jobs are done" in planned
    assert "estimated from runs with other networks or batches" in planned
    assert main(["run", "trouble", "--steps", "5"]) == 2
    err = capsys.readouterr().err
    assert_refused(err, "run-mismatch", "short_ct+pr_s0", "label_free.steps", "--out")
    assert snapshot(Path()) == before
    monkeypatch.delenv("RUNNER_BREAKS")
    assert main(["run", "trouble", "--only", "fragile"]) == 0
    after = snapshot(Path())
    changed = {Path(path).parts[2] for path in before if after.get(path) != before[path] and len(Path(path).parts) > 3}
    assert changed == {"short_pr+fragile_s0", ".locks"}  # a lock's file names who held it last
    assert json.loads((out / "matrix.json").read_text())["done"] == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_runner_leaves_nobody_behind_and_the_next_goes_on(tmp_path):
    (asked,) = asked_of("one")
    folder = Path("runs/one") / asked.name
    whole, _ = train(asked.config, Path("whole"), tensorboard=False)
    command = [sys.executable, "-m", "aubench", "run", "one"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not any(int(path.stem[5:]) >= 20 for path in (folder / "checkpoints").glob("step-*.safetensors")):
        assert process.poll() is None, "finished before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lock = FileLock(Path("runs/one/.locks") / f"{folder.name}.lock")
    with pytest.raises(TimeoutError):
        lock.acquire(timeout=0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with lock.acquire(timeout=20):  # whoever trained is gone as well
        assert not (folder / "report.json").exists()
    result = run(Request([asked], Path("runs/one"), "one"))
    assert result.code == 0
    assert json.loads((folder / "report.json").read_text())["training"]["resumed_at"] >= 20
    assert (folder / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()


# --- runners side by side ---------------------------------------------------------------------------------------------


def job_of(name: str = "a", **over) -> Job:
    return Job("run", name, Path("out") / name, config(**{**SHORT, **over}), {"name": name})


def test_a_run_that_another_runner_has_is_waited_for_and_not_done_again():
    job, states, lock = job_of(), [], FileLock("out/.locks/a.lock")
    Path("out/.locks").mkdir(parents=True)
    lock.acquire()

    def tick() -> None:
        if lock.is_locked and job.state == "elsewhere":  # the other one ends
            card = Card(kind="run", name="a", hash=job.hash, identity=job.identity, state="done")
            card.write(job.folder)
            lock.release()

    pool_module_wait, pool_module._ASK_AGAIN_S = pool_module._ASK_AGAIN_S, 0.05
    try:
        Pool([job], slots(1, "cpu"), Speeds(), lambda j: states.append(j.state), tick, lambda j: []).run()
    finally:
        pool_module._ASK_AGAIN_S = pool_module_wait
    assert states == ["elsewhere", "done"]
    assert not (job.folder / pool_module.LOG).exists()  # no process was started


def test_what_needs_a_failed_first_phase_fails_with_its_reason():
    first, last = job_of("first-phase-0"), job_of("b")
    first.state, first.fault, first.reason, last.first = "failed", "user", "not finite", first
    Pool([first, last], slots(1, "cpu"), Speeds(), lambda j: None, lambda: None, lambda j: []).run()
    assert (last.state, last.fault, last.reason) == ("failed", "user", "first-phase-0: not finite")
    spare = job_of("c")
    Pool([first, spare], slots(1, "cpu"), Speeds(), lambda j: None, lambda: None, lambda j: [], keep_going=False).run()
    assert spare.state == "not run"


def do(monkeypatch, script: str, *jobs: Job) -> list[str]:
    """Do jobs with ``script`` in the place of the work; what was told, as "name state: reason"."""
    boot = f"import sys, os, json, signal; job = json.loads(sys.stdin.readline()); {script}"
    monkeypatch.setattr(pool_module, "_BOOT", boot)
    told: list[str] = []
    Pool(jobs, slots(2, "cpu"), Speeds(), lambda j: told.append(f"{j.name} {j.state}: {j.reason}"), lambda: None,
         lambda j: []).run()  # fmt: skip
    return told


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_process_that_is_killed_or_breaks_is_one_failure(monkeypatch):
    script = "os.kill(os.getpid(), 9) if job['name'] == 'a' else sys.exit(0 if job['name'] == 'b' else 5)"
    a, b, c = job_of("a"), job_of("b"), job_of("c")
    do(monkeypatch, script, a, b, c)
    assert (a.state, a.fault, a.reason) == ("failed", "killed", "killed by signal 9 (SIGKILL)")
    assert (b.state, b.fault) == ("done", None)
    assert (c.state, c.fault, c.reason) == ("failed", "internal", "ended with code 5; see out/c/log.txt")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_who_is_killed_for_memory_tries_once_more_with_half_the_batch(monkeypatch):
    kills = iter(range(100))
    monkeypatch.setattr(pool_module, "_kills_for_memory", lambda: next(kills))
    job = job_of("a")
    told = do(monkeypatch, "open('tries', 'a').write(f'{job[\"halve\"]} '); os.kill(os.getpid(), 9)", job)
    assert Path("tries").read_text().split() == ["False", "True"]
    words = "killed by the system, which had no memory left"
    assert told == [
        "a running: ", f"a queued: {words}; again at half the batch", "a running: ",
        f"a failed: {words}; at half the batch too",
    ]  # fmt: skip
    assert job.fault == "memory"


def test_an_interrupted_runner_ends_its_processes(monkeypatch):
    job = job_of("a")
    pids: list[int] = []

    def tick() -> None:
        if Path("pid").is_file() and Path("pid").read_text():
            pids.append(int(Path("pid").read_text()))
            raise KeyboardInterrupt

    script = "import time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(pool_module, "_BOOT", f"import sys, os; {script}")
    with pytest.raises(KeyboardInterrupt):
        Pool([job], slots(1, "cpu"), Speeds(), lambda j: None, tick, lambda j: []).run()
    assert (job.state, job.reason) == ("not run", "interrupted")
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_the_table_has_a_line_for_each_job_and_the_screen_holds_it():
    jobs = [job_of(f"{'long_' * 9}s{seed}") for seed in range(20)]
    jobs[0].state, jobs[0].step, jobs[0].left, jobs[0].device = "running", 8, 30.0, "cuda:1"
    jobs[1].state, jobs[1].reason = "failed", "it went wrong " * 20
    jobs[2].state, jobs[2].halved = "done", ["label_free"]
    jobs[3].state = "elsewhere"
    board = Board("wide", jobs, Speeds(), 2)
    board.console = Console(width=80, height=16, record=True, force_terminal=True, file=io.StringIO())
    board._scores[jobs[2]] = ("0.683", "0.189")
    board.console.print(board.table())
    text = board.console.export_text()
    lines = text.splitlines()
    assert len(lines) <= 16
    assert max(map(len, lines)) <= 80
    for words in ("on cuda:1", "failed", "done ½ batch", "0.683", "other runner"):
        assert words in text
    assert re.search(r"1 done, 2 running, 16 queued, 1 failed; \d+ more; about .* left", text)
    assert "…" in lines[2]
    assert "_s0" in lines[2]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([("done", None), ("was done", None)], 0),
        ([("done", None), ("failed", "user")], 2),
        ([("failed", "user"), ("failed", "killed")], 1),
        ([("not run", None)], 1),
        ([("failed", "user"), ("not run", None)], 2),
    ],
)
def test_exit_codes(ends, code):
    plan = make_plan([], Path("out"), "x")
    for number, (state, fault) in enumerate(ends):
        job = plan.rows[str(number)] = job_of(str(number))
        job.state, job.fault = state, fault
    assert exit_code(plan) == code


def test_one_slot_for_each_gpu_and_shares_of_the_cores(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(pool_module, "available_cores", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    two = slots(None, "auto")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in two] == ["0", "1"]
    assert two[0].environment["OMP_NUM_THREADS"] == "4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots(3, "cuda")] == ["3", "GPU-5", "3"]
    assert [slot.environment for slot in slots(None, "cuda:1")] == [{}]  # a certain one: nothing is hidden
    assert [slot.environment for slot in slots(None, "cpu")] == [{}]
    assert [slot.threads for slot in slots(2, "cpu")] == [4, 4]


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_times_come_from_former_runs_where_there_are_any():
    job = job_of()
    assert phases(job.config) == [("loopback", 0, 12), ("label_free", 12, 16)]
    none = Speeds.of(Path("out"))
    assert none.sources([job]) == ["a rough constant for two CPU cores"]
    assert none.job_s(job) > 60
    done = Card(
        kind="run", name="old", hash="", identity=identity(job.config), state="done", train_s=20.0, wall_s=30.0,
        steps_per_s={"loopback": 2.0, "label_free": 0.5},
    )  # fmt: skip
    done.write(Path("out/old"))
    (Path("out") / "torn").mkdir()
    (Path("out") / "torn" / "report.json").write_text("{")
    speeds = Speeds.of(Path("out"))
    assert speeds.sources([job]) == ["runs with the same networks and batch"]
    assert speeds.job_s(job) == pytest.approx(12 / 2 + 4 / 0.5 + 10)
    other = job_of("b", label_free=SHORT["label_free"] | {"batch": 3})
    assert "runs with other networks or batches" in speeds.sources([other])
    assert total_s([job, job_of("c")], speeds, 2) == pytest.approx(24)
    assert [in_words(s) for s in (75, 100, 7200)] == ["75 s", "2 min", "2.0 h"]


def test_spread_counts_only_numbers():
    assert spread([1.0, 3.0, None, float("nan")]) == {"mean": 2.0, "deviation": 1.0, "seeds": 2}
    assert spread([0.5]) == {"mean": 0.5, "deviation": None, "seeds": 1}


def test_a_command_without_an_option():
    words = ["aubench", "run", "x", "--only", "a b", "--jobs", "2", "--only=c"]
    assert without_option(words, "--only") == ["aubench", "run", "x", "--jobs", "2"]


def test_a_card_that_is_none_is_named():
    Path("out/a").mkdir(parents=True)
    Path("out/a/combination.json").write_text("{")
    Path("out/matrix.json").write_text('{"matrix": "wide"}')
    with refused("file-damaged", "combination.json"):
        make_plan(asked_of("wide"), Path("out"), "wide")

"""``kill -9`` and SIGTERM at random moments; then the same command again, until it is done.

    python benchmarks/reliability/kills.py [--kills 100] [--what train,prepare,run,predict] [--seed 0]

Each command is first run to its end undisturbed. Then it is started, ended at a moment drawn between its start and the
time that it took, and started again (``train`` with ``--resume`` once there is a run), with up to four kills before it
may end. What is asked: no process is left after two seconds; SIGTERM ends with exit code 143 or in good order; the
command that may end does so with exit code 0 and the bytes of the undisturbed one; nothing partial is left.
100 kills take about 40 minutes of one core. Exit code 1 where one of these fails.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attack import Board, World, clip, digest, disfa, litter, parser, workplace

MOST_IN_A_ROW = 4


@dataclass
class Target:
    """A command by the folder that it writes: its arguments, what of it must be equal, how it is gone on with."""

    name: str
    arguments: Callable[[Path], list[object]]
    result: Callable[[Path], str]
    again: Callable[[Path], list[object]] = lambda out: []
    rows: str = ""
    """Tables that hold the rows so far, also after ``kill -9``."""


def targets(world: World) -> dict[str, Callable[[], Target]]:
    def train() -> Target:
        return Target(
            "train",
            lambda out: ["train", "--recipe", "tiny.yaml", "--out", out],
            lambda out: digest(out, ["predictions.csv", "truth.csv", "model.safetensors"]),
            lambda out: ["--resume"] if (out / "config.yaml").is_file() else [],
        )

    def prepare() -> Target:
        root = disfa(world.folder / "DISFA", 4, 80)
        return Target(
            "data prepare",
            lambda out: [
                "data",
                "prepare",
                "disfa",
                "--root",
                f"disfa={root}",
                "--store",
                out,
                "--size",
                64,
                "--workers",
                2,
            ],
            lambda out: digest(out, ["*/*/crops.*", "*/*/index.npy", "*/*/labels/*", "*/*/landmarks.npy"]),
        )

    def run() -> Target:
        return Target(
            "run",
            lambda out: ["run", "two", "--out", out, "--jobs", 2],
            lambda out: digest(out, ["*/predictions.csv", "*/model.safetensors"]),
        )

    def predict() -> Target:
        film = clip(world, "clip.mp4", 240)
        return Target(
            "predict",
            lambda out: ["predict", film, "--out", out / "clip.csv", "--overwrite"],
            lambda out: digest(out, ["clip.csv"]),
            rows="clip.csv*[!n]",
        )

    return {"train": train, "prepare": prepare, "run": run, "predict": predict}


def attack(world: World, target: Target, kills: int, dice: random.Random, board: Board) -> None:
    whole = world.folder / "whole" / target.name.replace(" ", "-")
    whole.mkdir(parents=True) if target.name == "predict" else whole.parent.mkdir(parents=True, exist_ok=True)
    first = world.run(*target.arguments(whole))
    if not board.expect(first.code == 0, f"{target.name}: undisturbed: exit code {first.code}: {first.told}"):
        return
    wanted = target.result(whole)
    counts = {signal.SIGKILL: 0, signal.SIGTERM: 0}
    early = orphans = ends = equal = told = kept = 0
    number = 0
    while sum(counts.values()) < kills:
        number += 1
        out = world.folder / "killed" / f"{target.name.replace(' ', '-')}-{number}"
        out.mkdir(parents=True) if target.name == "predict" else out.parent.mkdir(parents=True, exist_ok=True)
        if target.name in ("train", "run") and number % 4 == 1:
            shutil.rmtree(world.folder / "cache", ignore_errors=True)
        for _ in range(dice.randint(1, MOST_IN_A_ROW)):
            kind = dice.choice((signal.SIGKILL, signal.SIGTERM))
            process = world.start(*target.arguments(out), *target.again(out))
            try:
                process.wait(dice.uniform(0, first.seconds))
                early += 1
            except Exception:
                os.kill(process.pid, kind)
                counts[kind] += 1
            ended = world.wait(process, 60.0)
            if ended.code != 0 and kind == signal.SIGTERM:
                told += ended.code == 143
                # Before the interpreter has come to our code, the system's own way to end is the only one.
                board.expect(
                    ended.code in (143, -signal.SIGTERM),
                    f"{target.name}: SIGTERM: exit code {ended.code}: {ended.told}",
                )
            left = world.orphans()
            orphans += len(left)
            for table in out.glob(target.rows) if target.rows else ():
                lines = table.read_text().splitlines()
                whole_lines = lines if table.read_text().endswith("\n") else lines[:-1]
                kept = max(kept, len(whole_lines) - 1)
                part = whole_lines == (whole / "clip.csv").read_text().splitlines()[: len(whole_lines)]
                board.expect(part, f"{target.name}: {table.name} is no beginning of the undisturbed table")
            board.expect(not left, f"{target.name}: left running after {kind.name}: {left}")
        last = world.run(*target.arguments(out), *target.again(out))
        ends += 1
        board.expect(last.code == 0, f"{target.name}: after kills: exit code {last.code}: {last.told}")
        same = target.result(out) == wanted
        equal += same
        board.expect(same, f"{target.name}: {out.name}: other bytes than undisturbed")
        for place in (out, world.folder / "cache"):
            board.expect(not (left := litter(place)), f"{target.name}: {place.name}: left behind: {left[:5]}")
        shutil.rmtree(out, ignore_errors=True)
    nines, terms = counts.values()
    ends_told = f"{equal} of {ends}" + (f"; up to {kept} rows kept" if target.rows else "")
    board.add(target.name, nines, terms, told, early, orphans, ends_told, round(first.seconds, 1))


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=100, help="in all, shared by the commands")
    options.add_argument("--what", default="train,prepare,run,predict")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    board = Board(
        (
            "command",
            "kill -9",
            "SIGTERM",
            "of these ended with 143",
            "ended before",
            "left running",
            "same bytes",
            "undisturbed, s",
        )
    )
    with workplace() as folder:
        world = World(folder)
        known = targets(world)
        names = given.what.split(",")
        for place, name in enumerate(names):
            share = given.kills // len(names) + (place < given.kills % len(names))
            attack(world, known[name](), share, random.Random(f"{given.seed} {name}"), board)
    return board.close()


if __name__ == "__main__":
    raise SystemExit(main())

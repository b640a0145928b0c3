"""Two processes at once on one store, one run folder, one matrix, one table; with locks that work, and with others.

    python benchmarks/reliability/concurrency.py [--rounds 3] [--locks working,local,missing]

Locks of network file systems are imitated by a library that is loaded before the C library and answers for ``flock``:
``local``: every lock is given, as where locks hold on one node only; ``missing``: ENOSYS, as on Lustre without them
(needs a C compiler; left out where there is none). What is asked: whoever ends with exit code 0 has left a whole
result, equal to that of one process alone; whoever cannot says so with exit code 2. Exit code 1 where one of these
fails.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from attack import Board, Outcome, World, clip, digest, disfa, litter, parser, workplace

SHIM = "#include <errno.h>\nint flock(int file, int operation) { %s }\n"
ANSWERS = {"local": "return 0;", "missing": "errno = ENOSYS; return -1;"}


def shim(world: World, locks: str) -> dict[str, str] | None:
    """What to put into the environment; ``None`` where it cannot be had."""
    if locks == "working":
        return {}
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library = world.folder / f"{locks}.c", world.folder / f"{locks}.so"
    source.write_text(SHIM % ANSWERS[locks])
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return {"LD_PRELOAD": str(library)}


def two(
    world: World, first: list[object], second: list[object], environment: dict[str, str], wait_s: float
) -> list[Outcome]:
    one = world.start(*first, **environment)
    time.sleep(wait_s)
    other = world.start(*second, **environment)
    return [world.wait(one, 400), world.wait(other, 400)]


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--locks", default="working,local,missing")
    options.add_argument("--what", default="prepare,train,seeds,run,predict")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    board = Board(("two at once", "locks", "rounds", "exit codes", "whole and equal"))
    dice = random.Random(given.seed)
    with workplace() as folder:
        world = World(folder)
        root = disfa(folder / "DISFA", 3, 60)
        result = ["predictions.csv", "model.safetensors"]

        def prepare(out: Path, seed: int) -> list[object]:
            return ["data", "prepare", "disfa", "--root", f"disfa={root}", "--store", out, "--size", 64, "--workers", 2]

        def train(out: Path, seed: int) -> list[object]:
            return ["train", "--recipe", "tiny.yaml", "--out", out, "--seed", seed]

        def run(out: Path, seed: int) -> list[object]:
            return ["run", "two", "--out", out]

        def predict(out: Path, seed: int) -> list[object]:
            return ["predict", folder / "clip.mp4", "--out", out / "clip.csv", "--overwrite"]

        kinds: dict[str, tuple[str, Callable[[Path, int], list[object]], list[str], bool]] = {
            "prepare": ("data prepare, one store", prepare, ["*/*/crops.*", "*/*/labels/*"], False),
            "train": ("train, one --out", train, result, False),
            "seeds": ("train, seeds 0 and 1, one --out", train, result, True),
            "run": ("run, one matrix", run, ["*/predictions.csv"], False),
            "predict": ("predict, one --out", predict, ["clip.csv"], False),
        }
        if "predict" in given.what:
            clip(world, "clip.mp4", 40)
        for what in given.what.split(","):
            name, command, files, differ = kinds[what]
            alone = []
            for seed in (0, 1) if differ else (0,):
                out = folder / "alone" / f"{what}{seed}"
                out.mkdir(parents=True) if what == "predict" else out.parent.mkdir(parents=True, exist_ok=True)
                done = world.run(*command(out, seed))
                board.expect(done.code == 0, f"{name}: alone: {done.code}: {done.told}")
                alone.append(digest(out, files))
            for locks in given.locks.split(","):
                environment = shim(world, locks)
                if environment is None:
                    board.add(name, locks, 0, "-", "left out: no C compiler")
                    continue
                codes, good = [], 0
                for number in range(given.rounds):
                    out = folder / "both" / f"{what}-{locks}-{number}"
                    out.mkdir(parents=True) if what == "predict" else out.parent.mkdir(parents=True, exist_ok=True)
                    shutil.rmtree(folder / "cache", ignore_errors=True)
                    ended = two(
                        world, command(out, 0), command(out, int(differ)), environment, dice.choice((0.0, 0.3, 1.5))
                    )
                    where = f"{name}, locks {locks}"
                    codes.append("/".join(str(each.code) for each in ended))
                    board.expect(
                        all(each.code in (0, 2) for each in ended),
                        f"{where}: exit codes {codes[-1]}: {[each.told for each in ended]}",
                    )
                    winners = [seed for seed, each in enumerate(ended) if each.code == 0]
                    board.expect(winners, f"{where}: neither came to an end: {[each.told for each in ended]}")
                    board.expect(
                        not differ or len(winners) < 2, f"{where}: both say that they are done, one of them is lost"
                    )
                    found = digest(out, files)
                    wanted = alone[winners[0] if differ and winners else 0]
                    same = board.expect(found == wanted, f"{where}: other bytes than alone")
                    if what == "prepare":
                        verify = world.run("data", "verify", "--store", out)
                        same &= board.expect(
                            verify.code == 0,
                            f"{where}: exit code 0, but data verify says {verify.out.strip()[-200:]!r}",
                        )
                    board.expect(not (left := litter(out)), f"{where}: left behind: {left}")
                    board.expect(not (orphans := world.orphans()), f"{where}: left running: {orphans}")
                    good += same
                board.add(name, locks, given.rounds, ", ".join(codes), f"{good} of {given.rounds}")
    return board.close()


if __name__ == "__main__":
    raise SystemExit(main())

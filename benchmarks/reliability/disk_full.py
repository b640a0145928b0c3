"""A disk that is full: cache, run folder, store, tables, pictures and films in a small file system of its own.

    python benchmarks/reliability/disk_full.py [--what train,prepare,predict,compare]

Every command writes into a tmpfs that is too small, in a mount name space of its own (``unshare``, which needs no root
where the system allows it). What is asked: exit code 2 and one line that says so, no signal (a memory-mapped file on
a full disk ends a process by SIGBUS); and once the file system has room, the bytes that come on an ordinary disk, and
nothing partial beside them (until then unfinished work stays under names of its own, to be continued). Takes about
five minutes of one core. Exit code 1 where one of these fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attack import Board, World, clip, digest, disfa, litter, parser, workplace

INSIDE = "AUBENCH_RELIABILITY_INSIDE"
CODES = ("disk-full",)


@dataclass
class Case:
    """A command that writes to ``disk``: which sizes in kB are too small for it, and what of it must be equal."""

    name: str
    sizes: tuple[int, ...]
    arguments: Callable[[Path], list[object]]
    result: Callable[[Path], str]
    cache: bool = False
    """Whether it is the cache that lies on the small disk."""


def cases(world: World, which: list[str]) -> list[Case]:
    found = []
    out = world.folder / "out"
    if "train" in which:
        kinds = ["predictions.csv", "model.safetensors"]

        def train(run: Path) -> list[object]:
            begun = (run / "config.yaml").is_file()
            return ["train", "--recipe", "tiny.yaml", "--out", run, *(["--resume"] if begun else [])]

        found += [
            Case("train, cache", (40, 200, 800), lambda disk: train(out), lambda disk: digest(out, kinds), cache=True),
            Case(
                "train, --out",
                (8, 100, 700),
                lambda disk: train(disk / "run"),
                lambda disk: digest(disk / "run", kinds),
            ),
        ]
    if "prepare" in which:
        root = disfa(world.folder / "DISFA", 2, 60)
        found.append(
            Case("data prepare, --store", (8, 60, 150), lambda disk: ["data", "prepare", "disfa", "--root",
            f"disfa={root}", "--store", disk, "--size", 64, "--workers", 2], lambda disk: digest(disk, ["*/*/crops.*",
            "*/*/labels/*"]))
        )  # fmt: skip
    if "predict" in which:
        film = clip(world, "clip.mp4", 40)
        found += [
            Case("predict, --out", (4, 8), lambda disk: ["predict", film, "--out", disk / "clip.csv"],
            lambda disk: digest(disk, ["clip.csv"])),
            Case("predict, --plot", (28, 40), lambda disk: ["predict", film, "--out", disk / "clip.csv", "--plot",
            disk / "curves.png"], lambda disk: digest(disk, ["clip.csv"])),
            Case("predict, --overlay", (40, 80), lambda disk: ["predict", film, "--out", disk / "clip.csv",
            "--overlay", disk / "overlay.mp4"], lambda disk: digest(disk, ["clip.csv"])),
        ]  # fmt: skip
    if "compare" in which:
        done = world.folder / "done"
        world.run("train", "--recipe", "tiny.yaml", "--out", done)
        found.append(
            Case("compare, --out", (8, 40), lambda disk: ["compare", "--datasets", "tiny", "--draws", 100, "--out",
            disk / "page", done], lambda disk: digest(disk, ["page/comparison.csv"]))
        )  # fmt: skip
    return found


def _size(disk: Path, kilobytes: int, again: bool = False) -> None:
    options = f"{'remount,' if again else ''}size={kilobytes}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], check=True)


def attack(world: World, case: Case, board: Board) -> None:
    disk = world.folder / "disk"
    disk.mkdir(exist_ok=True)

    def clear() -> None:
        for folder in (world.folder / "out", world.folder / "cache"):
            shutil.rmtree(folder, ignore_errors=True)

    def run() -> object:
        return world.run(*case.arguments(disk), **({"AUBENCH_CACHE": str(disk / "cache")} if case.cache else {}))

    clear()
    _size(disk, 300_000)
    whole = run()
    wanted = case.result(disk)
    subprocess.run(["umount", str(disk)], check=True)
    board.expect(whole.code == 0, f"{case.name}: with room: exit code {whole.code}: {whole.told}")  # type: ignore[attr-defined]
    for size in case.sizes:
        clear()
        _size(disk, size)
        full = run()
        where = f"{case.name}, {size} kB"
        board.expect(full.code == 2, f"{where}: exit code {full.code}: {full.told}")  # type: ignore[attr-defined]
        errors = [line for line in full.err.splitlines() if line.startswith("error: ")]  # type: ignore[attr-defined]
        board.expect(
            len(errors) == 1 and any(f"[{code}]" in errors[0] for code in CODES), f"{where}: says {full.told!r}"
        )  # type: ignore[attr-defined]
        _size(disk, 300_000, again=True)
        last = run()
        board.expect(last.code == 0, f"{where}: then with room: exit code {last.code}: {last.told}")  # type: ignore[attr-defined]
        same = case.result(disk) == wanted
        board.expect(same, f"{where}: then with room: other bytes")
        board.expect(not (left := litter(disk)), f"{where}: then with room: left behind: {left}")
        subprocess.run(["umount", str(disk)], check=True)
        board.add(
            case.name,
            size,
            full.code,
            errors[0][:100] if errors else "-",
            "same bytes" if same and last.code == 0 else "NOT THE SAME",
        )  # type: ignore[attr-defined]


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--what", default="train,prepare,predict,compare")
    given = options.parse_args()
    if INSIDE not in os.environ:
        return subprocess.run(
            ["unshare", "-rm", sys.executable, __file__, *sys.argv[1:]], env={**os.environ, INSIDE: "1"}
        ).returncode
    board = Board(("what is written", "disk, kB", "exit code", "said", "then, with room"))
    with workplace() as folder:
        world = World(folder)
        for case in cases(world, given.what.split(",")):
            attack(world, case, board)
    return board.close()


if __name__ == "__main__":
    raise SystemExit(main())

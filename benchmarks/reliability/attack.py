"""What the attacks share: a small world to attack, processes that can be found again, tables of what came of it."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
MARK = "AUBENCH_RELIABILITY"
"""An environment variable by which every process that an attack started, and its children, are found."""
GRACE_S = 2.0
"""So long after a process was ended no child of it may run."""
TINY = {
    "extractor": {"name": "tiny"}, "regressor": {"name": "tiny"}, "renderer": {"name": "tiny"},
    "engine": {"name": "tiny"}, "recogniser": {"name": "tiny"},
    "datasets": [{"name": "tiny"}], "losses": {"ct": 1.0, "id": 0.1, "lp": 0.1, "pr": 0.03},
    "additions": {"loopback_first": True, "domain_standardisation": True, "sampled_loopback": True},
    "sampled": {"count": 200, "held_out": 20}, "loopback": {"steps": 20, "batch": 1, "sampled_batch": 32,
    "learning_rate": 0.003},
    "label_free": {"steps": 10, "batch": 4, "sampled_batch": 8, "learning_rate": 0.0003}, "checkpoint_every": 3,
    "precision": "fp32", "device": "cpu", "baselines": [],
}  # fmt: skip
"""A recipe of the tests' own tiny plugins: seconds from nothing to a report."""
REGISTRY = {"version": 1, "matrices": {"two": {"recipe": "tiny.yaml", "losses": [["ct", "pr"]], "seeds": [0, 1]}}}


@dataclass
class Outcome:
    """A process that has ended: its exit code (negative: a signal) and what it wrote."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def told(self) -> str:
        """The last line on stderr."""
        lines = [line for line in self.err.strip().splitlines() if line.strip()]
        return lines[-1] if lines else ""


class World:
    """A folder with a recipe and a registry, an environment, and the processes that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, uuid.uuid4().hex
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **os.environ, MARK: self.mark, "AUBENCH_CACHE": str(folder / "cache"), "AUBENCH_PLUGINS": "tiny_parts",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "plugins", ROOT / "training", TESTS))),
            "COLUMNS": "200",
        }  # fmt: skip
        self.environment.pop("AUBENCH_REGISTRY", None)
        (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
        (folder / "registry.yaml").write_text(yaml.safe_dump(REGISTRY))

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """``aubench`` with these arguments, in a session of its own."""
        command = [sys.executable, "-m", "aubench", *map(str, arguments)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen(
                command, cwd=self.folder, env={**self.environment, **environment}, stdin=subprocess.DEVNULL, text=True,
                stdout=os.dup(out.fileno()), stderr=os.dup(err.fileno()), start_new_session=True,
            )  # fmt: skip
            process.files = os.dup(out.fileno()), os.dup(err.fileno())  # type: ignore[attr-defined]
        process.began = time.monotonic()  # type: ignore[attr-defined]
        return process

    def wait(self, process: subprocess.Popen[str], limit_s: float = 300.0) -> Outcome:
        """Wait for a process. One that takes longer is killed, with all that it started, and has the exit code 124."""
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            for pid in self.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            code = 124
        texts = []
        for handle in process.files:  # type: ignore[attr-defined]
            os.lseek(handle, 0, os.SEEK_SET)
            with os.fdopen(handle, errors="replace") as file:
                texts.append(file.read())
        return Outcome(code, *texts, time.monotonic() - process.began)  # type: ignore[attr-defined]

    def run(self, *arguments: object, limit_s: float = 300.0, **environment: str) -> Outcome:
        return self.wait(self.start(*arguments, **environment), limit_s)

    def alive(self) -> list[int]:
        """Processes of this world that still run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
                if ours and (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                    found.append(int(folder.name))
        return found

    def orphans(self) -> list[str]:
        """What still runs ``GRACE_S`` after a process was ended, by name; it is killed."""
        deadline = time.monotonic() + GRACE_S
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.05)
        names = []
        for pid in left:
            with contextlib.suppress(OSError):
                names.append(
                    Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
                )
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return names


@dataclass
class Board:
    """Rows of a table, and what was violated."""

    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def expect(self, true: object, text: str) -> bool:
        if not true:
            self.violations.append(text)
            print(f"violation: {text}", file=sys.stderr, flush=True)
        return bool(true)

    def add(self, *cells: object) -> None:
        self.rows.append(cells)
        print("  ".join(map(str, cells)), file=sys.stderr, flush=True)

    def close(self) -> int:
        """Print the table, in Markdown, and return the exit code."""
        print(f"\n| {' | '.join(self.columns)} |\n|{'---|' * len(self.columns)}")
        for row in self.rows:
            print(f"| {' | '.join(map(str, row))} |")
        print(f"\n{machine()}; commit {commit()}")
        for violation in self.violations:
            print(f"violation: {violation}")
        print(f"{len(self.violations)} violations")
        return int(bool(self.violations))


def digest(folder: Path, patterns: Sequence[str], root: Path | None = None) -> str:
    """Hash of the names and bytes of the files in a folder that fit ``patterns``."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}):
        total.update(f"{path.relative_to(root or folder)}\n".encode() + path.read_bytes())
    return total.hexdigest()[:16]


def litter(folder: Path) -> list[str]:
    """Temporary and partial files under a folder."""
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.name.endswith((".tmp", ".partial"))
    ]


def disfa(folder: Path, subjects: int, frames: int) -> Path:
    """A miniature of DISFA: videos of a drawn face with labels and landmarks."""
    sys.path.insert(0, str(TESTS))
    from readers import build

    if not folder.is_dir():
        build.disfa(folder, [f"SN{number:03d}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)[:subjects]], frames)
    return folder


def clip(world: World, name: str, frames: int, size: int = 96, drawn: int = 20) -> Path:
    """A video of a drawn face: so many pictures of ``aubench render clip``, there and back until it is long enough."""
    first = world.folder / "drawn.mp4"
    if not first.is_file():
        made = world.run("render", "clip", "--out", first, "--frames", drawn, "--size", size, AUBENCH_PLUGINS="")
        if made.code:
            raise SystemExit(made.err)
    import av

    with av.open(str(first)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    turned, path = [*pictures, *pictures[::-1]], world.folder / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"q:v": "3"})
        stream.height, stream.width = pictures[0].shape[:2]
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(turned[number % len(turned)], format="rgb24")))
        container.mux(stream.encode())
    return path


@contextlib.contextmanager
def workplace(keep: bool = False) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="aubench-attack-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def parser(text: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    system = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{cores} cores of {platform.machine()}, {system}"


def commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return answer.stdout.strip() or "unknown"

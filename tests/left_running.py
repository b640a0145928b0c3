"""Processes that a test started, children of children too: told by a variable that all inherit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

MARK = "AUBENCH_TEST_FAMILY"
PATIENCE_S = 15.0
"""On a free machine they are gone in half a second; tests run on busy ones."""


class Family:
    """A process and all that it starts."""

    def __init__(self, command: list[str], cwd: Path | None = None, **environment: str) -> None:
        self.mark = os.urandom(8).hex()
        here = str(Path(__file__).parent)
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
        env = {**os.environ, "PYTHONPATH": path, **environment, MARK: self.mark}
        self.process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def running(self) -> list[str]:
        """The numbers of those that run."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    mine = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                    if mine and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(folder.name)
                except OSError:
                    continue
        return found

    def wait_for(self, condition, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[1][-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send the signal to the first process; all must be gone soon after. Its exit code and stderr."""
        self.process.send_signal(number)
        deadline = time.monotonic() + PATIENCE_S
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self.running()
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        _, err = self.process.communicate()
        assert left == [], f"left running after {number.name}"
        return self.process.returncode, err

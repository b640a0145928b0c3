"""The memory of ``predict`` does not grow with the length of the video.

    python benchmarks/reliability/memory.py [--frames 500,10000]

Reads videos of so many frames and watches the resident memory of the process. What is asked: the peak of the longest is
at most 64 MB above that of the shortest. 10,000 frames take about ten minutes of one core. Exit code 1 where it is not.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from attack import Board, World, clip, parser, workplace

MORE_MB = 64.0


def watched(world: World, film: Path) -> tuple[float, float, int, float]:
    """Peak and last resident memory (MB), exit code, and seconds of reading ``film``."""
    process = world.start("predict", film, "--out", film.with_suffix(".csv"), "--overwrite")
    last = peak = 0.0
    began = time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            last = float(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
            peak = max(peak, last)
        time.sleep(0.1)
    ended = world.wait(process)
    return peak, last, ended.code, time.monotonic() - began


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--frames", default="500,10000")
    given = options.parse_args()
    board = Board(("frames", "peak RSS, MB", "rows", "seconds"))
    peaks = []
    with workplace() as folder:
        world = World(folder)
        for frames in sorted(map(int, given.frames.split(","))):
            film = clip(world, f"{frames}.mp4", frames)
            peak, _, code, seconds = watched(world, film)
            rows = len(film.with_suffix(".csv").read_text().splitlines()) - 1
            board.expect(code == 0 and rows == frames, f"{frames} frames: exit code {code}, {rows} rows")
            board.add(frames, round(peak), rows, round(seconds))
            peaks.append(peak)
    board.expect(peaks[-1] - peaks[0] <= MORE_MB, f"the peak grew by {peaks[-1] - peaks[0]:.0f} MB")
    return board.close()


if __name__ == "__main__":
    raise SystemExit(main())

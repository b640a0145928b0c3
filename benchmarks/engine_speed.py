"""Faces per second of the engine ``bdfm``, per style and size, on one core.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/engine_speed.py

prints one line for each style and size: faces per second of wall time, and of processor time, which other programs on
the same core do not lower. Compilation and painting (first use) are left out and printed apart.
"""

from __future__ import annotations

import argparse
import time

import cv2

from aubench.discovery import build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=60, help="faces drawn for each line")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many rounds counts")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'style':6} {'size':>4} {'faces/s wall':>12} {'faces/s cpu':>12} {'first use s':>12}")
    for size in options.sizes:
        engine = build("renderer", "bdfm", {"size": size})
        vectors = engine.sample(options.faces, seed=1).vector().numpy()
        looks, shots = list(range(options.faces)), list(range(options.faces))
        for style in ("game", "photo"):
            start = time.perf_counter()
            engine.render(vectors, style=style, looks=looks, shots=shots)
            first = time.perf_counter() - start
            wall, processor = float("inf"), float("inf")
            for _ in range(options.repeats):
                start, busy = time.perf_counter(), time.process_time()
                engine.render(vectors, style=style, looks=looks, shots=shots)
                wall = min(wall, time.perf_counter() - start)
                processor = min(processor, time.process_time() - busy)
            print(f"{style:6} {size:4d} {len(vectors) / wall:12.1f} {len(vectors) / processor:12.1f} {first:12.1f}")


if __name__ == "__main__":
    main()

"""Faces per second of the engine ``ict``, per style and size, on one core.

    AUBENCH_ASSET_ICT=FaceXModel OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/ict_speed.py

prints one line for each style and size: faces per second of wall time, and of processor time, which other programs on
the same core do not lower. ``photo`` draws every face under a look of its own, whose hair has to be grown first;
``bald`` is the same without hair on the head; ``video`` draws frames of one look. Compilation and painting (first use)
are left out and printed apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from aubench.drawing.engine import sample_vectors
from aubench_plugins.ict.camera import crop_camera
from aubench_plugins.ict.model import face_model
from aubench_plugins.ict.regions import chart_classes
from aubench_plugins.ict.render.look import Look, game_look, photo_look
from aubench_plugins.ict.render.stage import Stage

KINDS: dict[str, Callable[[int], Look]] = {
    "game": lambda n: game_look(),
    "photo": lambda n: photo_look(n, 0),
    "bald": lambda n: replace(photo_look(n, 0), hair="bald"),
    "video": lambda n: photo_look(1, n),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=40, help="faces drawn for each line")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 192, 256])
    parser.add_argument("--repeats", type=int, default=2, help="the best of so many rounds counts")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    model = face_model()
    topology = model.topology
    label = chart_classes(topology.landmarks, topology.chart)
    vectors = sample_vectors(options.faces, 1, idle_first=True)
    print(f"{'style':6} {'size':>4} {'faces/s wall':>12} {'faces/s cpu':>12} {'first use s':>12}")
    for size in options.sizes:
        start = time.perf_counter()
        stage = Stage(topology, model.rig.base, label, size)

        def run(look_of: Callable[[int], Look], first: int, stage: Stage = stage, size: int = size) -> None:
            for n, vector in enumerate(vectors):
                posed, look = model.pose(vector), look_of(first + n)
                marks = posed.in_camera(posed.vertices[topology.landmarks])
                stage.draw(posed, crop_camera(marks, size, distance=look.distance), look)

        for name, look_of in KINDS.items():
            run(look_of, 0)
            ready = time.perf_counter() - start
            wall, processor = np.inf, np.inf
            for repeat in range(1, options.repeats + 1):
                begun, busy = time.perf_counter(), time.process_time()
                run(look_of, repeat * len(vectors))
                wall = min(wall, time.perf_counter() - begun)
                processor = min(processor, time.process_time() - busy)
            print(f"{name:6} {size:4d} {len(vectors) / wall:12.1f} {len(vectors) / processor:12.1f} {ready:12.1f}")
            start = time.perf_counter()


if __name__ == "__main__":
    main()

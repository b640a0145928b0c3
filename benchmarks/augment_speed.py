"""Milliseconds per crop of augmentation, on one core.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/augment_speed.py

prints one line for each of poses, expressions and both, with and without landmarks of the crop's own: wall time, and
processor time, which other programs on the same core do not lengthen.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from aubench.data.augment import Augmentation, augment_batch
from aubench.data.augment.prior import face


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=int, default=64, help="crops of each round")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--repeats", type=int, default=5, help="the best of so many rounds counts")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = {
        "pose": Augmentation(expression=False),
        "expression": Augmentation(pose=False),
        "both": Augmentation(),
    }
    print(f"{'size':>4} {'what':10} {'landmarks':9} {'ms wall':>8} {'ms cpu':>8}")
    for size in options.sizes:
        dice = np.random.default_rng(0)
        noise = dice.integers(0, 256, (options.crops, size, size, 3), dtype=np.uint8)
        crops = np.stack([cv2.GaussianBlur(image, (0, 0), size / 32) for image in noise])
        points = np.repeat(face().landmarks[None, :, :2] * size - 0.5, options.crops, axis=0)
        points += dice.normal(0, size / 128, points.shape)
        for name, kind in kinds.items():
            for own, landmarks in (("mean", None), ("own", points)):
                wall, processor = float("inf"), float("inf")
                for step in range(options.repeats + 1):
                    start, busy = time.perf_counter(), time.process_time()
                    augment_batch(crops, landmarks, 0, step, kind)
                    if step:  # the first round warms up
                        wall = min(wall, time.perf_counter() - start)
                        processor = min(processor, time.process_time() - busy)
                per = 1000 / len(crops)
                print(f"{size:4d} {name:10} {own:9} {wall * per:8.2f} {processor * per:8.2f}")


if __name__ == "__main__":
    main()

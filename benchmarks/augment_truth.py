"""How near augmented poses come to the truth: an engine draws people frontal and turned, in one look each.

    python benchmarks/augment_truth.py

For each turn, the frontal crop is augmented by the same angles and compared with the turned one: landmarks (mean
distance over the distance of the outer eye corners; those of the jaw apart) and pixels (mean absolute difference,
0..255, within the head), each beside what leaving the frontal crop as it is would give. Lights and looks stay.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from aubench.contracts import PARSING_CLASSES
from aubench.data.augment import augment
from aubench.discovery import build
from aubench.parameters import PITCH_RANGE_DEGREES, YAW_RANGE_DEGREES

STILL = [PARSING_CLASSES.index(name) for name in ("background", "neck", "neck_l", "cloth")]
TURNS = ((10, 0), (20, 0), (30, 0), (0, -12), (0, 12), (20, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engine = build("renderer", "bdfm", {"size": 128})
    faces = engine.sample(options.people, options.seed)
    looks = list(range(options.people))

    def draw(yaw: float, pitch: float) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        faces.pose[:, 0] = 0.5 + yaw / (2 * YAW_RANGE_DEGREES)
        faces.pose[:, 1] = 0.5 + pitch / (2 * PITCH_RANGE_DEGREES)
        drawn = engine.draw(faces, style="game", looks=looks)
        image = (drawn.image.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        return image, drawn.landmarks.numpy(), ~np.isin(drawn.parsing.numpy(), STILL)

    start, points, _ = draw(0, 0)
    header = ("yaw", "pitch", "landmarks", "NME", "as it is", "NME jaw", "as it is", "pixels", "as it is")
    print("".join(f"{name:>10}" for name in header))
    for yaw, pitch in TURNS:
        goal, places, head = draw(yaw, pitch)
        eyes = np.linalg.norm(places[:, 36] - places[:, 45], axis=1)[:, None]
        still = (np.linalg.norm(points - places, axis=2) / eyes).mean(axis=0)
        left = np.abs(start.astype(float) - goal)[head].mean()
        for own in (False, True):
            made = [
                augment(image, its if own else None, yaw=yaw, pitch=pitch)
                for image, its in zip(start, points, strict=True)
            ]
            # Without its own landmarks, the generic face's moves are added to where the points were.
            base = augment(start[0]).landmarks
            found = np.stack(
                [m.landmarks if own else m.landmarks - base + its for m, its in zip(made, points, strict=True)]
            )
            error = (np.linalg.norm(found - places, axis=2) / eyes).mean(axis=0)
            pixels = np.abs(np.stack([m.image for m in made]).astype(float) - goal)[head].mean()
            scores = (error[17:].mean(), still[17:].mean(), error[:17].mean(), still[:17].mean())
            told = "".join(f"{score:10.3f}" for score in scores)
            print(f"{yaw:10d}{pitch:10d}{'own' if own else 'mean':>10}{told}{pixels:10.1f}{left:10.1f}", flush=True)


if __name__ == "__main__":
    main()

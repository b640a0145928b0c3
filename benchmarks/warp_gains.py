"""By how much the reading of an AU rises on drawn faces that a warp moves by that AU: the gains of loss `equivariance`.

    AUBENCH_ASSET_ICT=DIR python benchmarks/warp_gains.py [--faces 32] [--seed 1] [--engine ict]

Draws faces in photo looks, half of them at rest, warps each by one AU of strength 0.5 at a time, and reads both with
the shipped regressor. The gain of an AU is the mean rise of its parameter over the mean strength that was added. Prints
for every AU that moves landmarks its gain, the spread of single faces' gains, and the mean rise of all other AUs.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from aubench.combination import load_shipped
from aubench.data.augment import augment
from aubench.data.augment.batch import MOVING
from aubench.discovery import build
from aubench.parameters import AU_NAMES, BASE_AU, FacialParameters
from aubench_training.expressions import expressions

STRENGTH = 0.5


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--faces", type=int, default=32)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--engine", default="ict")
    given = ask.parse_args()
    model = load_shipped()
    engine = build("renderer", given.engine, {"size": model.size})
    rng = np.random.default_rng([given.seed, 0x6A1])
    faces = engine.sample(given.faces, given.seed)
    resting = (np.arange(given.faces) % 2 == 0)[:, None]
    aus = np.where(resting, BASE_AU, expressions(given.faces, rng)).astype(np.float32)
    pose = 0.5 + 0.3 * (faces.pose - 0.5)
    drawn = FacialParameters(pose, torch.from_numpy(aus), faces.identity, faces.brow)
    looks = rng.integers(0, 2**31, given.faces).tolist()
    pictures = (engine.draw(drawn, style="photo", looks=looks, shots=looks).image * 255 + 0.5).byte()
    images = pictures.permute(0, 2, 3, 1).numpy()
    before = model.predict(images).au.numpy()
    print("| AU | gain | spread over faces | mean rise of the other AUs |\n|---|---:|---:|---:|")
    gains = {}
    for name in MOVING:
        place = AU_NAMES.index(name)
        asked = np.zeros(len(AU_NAMES), np.float32)
        asked[place] = STRENGTH
        made = [augment(image, None, strengths=asked) for image in images]
        added = np.array([each.strengths[place] for each in made])
        rise = model.predict(np.stack([each.image for each in made])).au.numpy() - before
        others = np.delete(rise, place, axis=1).mean() / added.mean()
        gains[name] = round(float(rise[:, place].mean() / added.mean()), 2)
        print(f"| {name} | {gains[name]:.2f} | {(rise[:, place] / added).std():.2f} | {others:.3f} |", flush=True)
    print(gains)


if __name__ == "__main__":
    main()

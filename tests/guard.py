"""What a refactoring must leave as it is: pixels of the engines, predictions of the shipped model, steps of training.

    python tests/guard.py record                  # before a refactoring; into build/guard/
    python tests/guard.py check                   # after it: every number must have the same bits
    python tests/guard.py reference predictions   # new values for tests/test_guard.py, here of one part

``record`` and ``check`` compare bits, so both must run on one machine with equal versions of the packages.
``tests/test_guard.py`` compares the same numbers with ``tests/data/guard/``, within tolerances that cover what other
processors and libraries make of the last bits. Without names all parts are meant: bdfm, ict (where
``AUBENCH_ASSET_ICT`` is set), ict-small, predictions, steps. See docs/CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # sums depend on the number of threads in their last bits; set before torch is imported
    for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_variable] = "1"

import numpy as np

HERE = Path(__file__).resolve().parent
REFERENCE, RECORD = HERE / "data" / "guard", HERE.parent / "build" / "guard"
ASSET = "AUBENCH_ASSET_ICT"
SIDE, FACES = 64, 4
CLIP, CLIP_FRAMES = (150, 5), (0, 22, 30, 71, 116, 140)
"""Length and seed of the clip that `aubench render clip` draws, and the frames that are read: at rest, brows raised,
between, smiling, mouth open, at rest again."""
RUN = (
    "datasets=[{name: synth, config: {subjects: 3, sequences: 1, frames_per_sequence: 2, workers: 1}}]",
    "sampled.count=8", "sampled.held_out=8", "loopback.steps=10", "loopback.sampled_batch=4", "label_free.steps=3",
    "label_free.batch=2", "label_free.sampled_batch=2", "baselines=[]", "device=cpu", "precision=fp32",
)  # fmt: skip
"""The default recipe on few faces, for few steps of both phases. Losses are logged at the end of each."""
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Tolerance:
    """At most the share ``often`` of an array's numbers differ by more than ``far``, and the mean difference is at most
    ``mean``."""

    far: float
    often: float
    mean: float


TOLERANCES = {
    "image game": Tolerance(far=2, often=0.015, mean=0.1),
    "image": Tolerance(far=4, often=0.02, mean=0.4),  # JPEG makes more of the last bits
    "parsing": Tolerance(far=0, often=0.001, mean=np.inf),
    "landmarks": Tolerance(far=0.001, often=0.0, mean=0.0002),
    "sampled": Tolerance(far=1e-6, often=0.0, mean=1e-7),
    "intensities": Tolerance(far=0.15, often=0.0, mean=0.02),
    "degrees": Tolerance(far=0.2, often=0.0, mean=0.05),
    "losses": Tolerance(far=0.01, often=0.0, mean=0.002),
    "weights": Tolerance(far=0.01, often=0.0, mean=0.001),
}
"""By what an array's name begins with. Arrays with another name are compared by ``check`` only."""


# --- what is computed -------------------------------------------------------------------------------------------------


def engine_pixels(name: str) -> Arrays:
    """Faces in all looks: game; photo; photo of people outside the identity space; each with and without nuisance."""
    from aubench.discovery import build

    out: Arrays = {}
    for style, gap in (("game", 0.0), ("photo", 0.0), ("photo", 1.0)):
        engine: Any = build("renderer", name, {"size": SIDE, "gap": gap})
        vectors = engine.sample(FACES, seed=11).vector().numpy()
        nuisance = np.random.default_rng(12).uniform(-1, 1, (FACES, 9)).astype(np.float32)
        nuisance[: FACES // 2] = 0.0
        seeds = [3 + 10 * n for n in range(FACES)]
        drawn = engine.render(vectors, style=style, looks=seeds, shots=seeds[::-1], nuisance=nuisance)
        for part in ("image", "parsing", "landmarks", "depth"):
            out[f"{part} {style} gap {gap:g}"] = getattr(drawn, part)
    whole = engine.render(vectors[:1], style="photo", framing="camera")
    return {**out, "image whole head": whole.image, "parsing whole head": whole.parsing, "sampled": vectors}


def small_head_pixels() -> Arrays:
    """Faces of the engine ict on the crude head of the tests."""
    from small_head import write_head

    with (
        tempfile.TemporaryDirectory() as base,
        _environment({ASSET: str(write_head(Path(base) / "FaceXModel")), "AUBENCH_CACHE": f"{base}/cache"}),
    ):
        return engine_pixels("ict")


def predictions() -> Arrays:
    """What the shipped model reads in frames of the clip, without a neutral and against the first frame's."""
    import cv2
    import torch

    from aubench.cli.clip import acted
    from aubench.combination import load_shipped
    from aubench.contracts import NUISANCE_NAMES
    from aubench.discovery import build
    from aubench.predict import persons
    from aubench.predict.neutral import Neutral
    from aubench.predict.run import read

    engine: Any = build("renderer", "bdfm", {"size": 256})
    chosen = list(CLIP_FRAMES)
    around = np.zeros((len(chosen), len(NUISANCE_NAMES)), np.float32)
    around[:, NUISANCE_NAMES.index("scale")] = -1.0  # as the clip has it
    parameters = acted(*CLIP)[torch.tensor(chosen)]
    vectors = parameters.vector().numpy()
    image = engine.render(vectors, style="photo", looks=[CLIP[1]] * len(chosen), shots=chosen, nuisance=around).image
    model = load_shipped()
    neutral = Neutral("frame", frame=1)
    with tempfile.TemporaryDirectory() as folder:
        for n, frame in enumerate(image):
            cv2.imwrite(f"{folder}/{n}.png", frame[..., ::-1])
        wide = persons.entry_size(model, neutral, False)
        readings = read(folder, model, size=model.size, entries=wide, lanes=1)
    out = {"intensities": readings.intensities, "degrees": readings.degrees, "points": readings.points}
    if wide:
        own = persons.find_persons(readings, neutral, model, "clip", None)
        out["intensities against the first"] = persons.relative(readings, own, model).intensities
    return out


def steps() -> Arrays:
    """Losses and final weights of the default recipe's first steps."""
    import torch
    from rich.console import Console

    from aubench_training.bench import Bench
    from aubench_training.config import resolve
    from aubench_training.device import seed_everything
    from aubench_training.loop import fit

    config = resolve("default", assignments=RUN)
    seed_everything(config.seed)
    with tempfile.TemporaryDirectory() as base, _environment({"AUBENCH_CACHE": f"{base}/cache"}):
        bench = Bench(config, Console(quiet=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few faces have no agreement
            fit(bench, Path(base) / "run", tensorboard=False)
        lines = [json.loads(line) for line in (Path(base) / "run" / "metrics.jsonl").read_text().splitlines()]
    out: Arrays = {}
    for line in lines:
        numbers = {key: value for key, value in line.items() if key == "loss" or key.startswith("loss/")}
        if numbers:
            out[f"losses at step {line['step']}: {', '.join(sorted(numbers))}"] = np.array(
                [numbers[key] for key in sorted(numbers)]
            )
    state = {name: tensor.double() for name, tensor in bench.combination.regressor.state_dict().items()}
    out["weights, norms"] = np.array([float(torch.linalg.vector_norm(tensor)) for tensor in state.values()])
    return out | {f"hash of {name}": _hash(tensor.numpy()) for name, tensor in state.items()}


def _hash(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(array.tobytes()).digest(), np.uint8)


PARTS: dict[str, Callable[[], Arrays]] = {
    "bdfm": lambda: engine_pixels("bdfm"),
    "ict": lambda: engine_pixels("ict"),
    "ict-small": small_head_pixels,
    "predictions": predictions,
    "steps": steps,
}


def available(part: str) -> bool:
    """Whether what the part needs is there."""
    return part != "ict" or ASSET in os.environ


# --- comparing --------------------------------------------------------------------------------------------------------


def differences(found: Arrays, expected: Arrays) -> list[str]:
    """One line for each array of ``expected`` that differs from ``found`` by more than its tolerance."""
    lines = []
    for name, reference in expected.items():
        tolerance = _tolerance(name)
        array = found.get(name)
        if tolerance is None or array is None or array.shape != reference.shape:
            lines.append(f"{name}: is {'missing' if array is None else f'of shape {array.shape}'}")
            continue
        for n, (one, other) in enumerate(zip(array, reference, strict=True)):
            gap = np.abs(one.astype(np.float64) - other.astype(np.float64))
            if "losses" in name or "weights" in name:
                gap /= max(abs(float(other)), 1e-3)
            gap = np.where(np.isnan(one) & np.isnan(other), 0.0, gap)
            often, mean = float((~(gap <= tolerance.far)).mean()), float(gap.mean())
            if often > tolerance.often or not mean <= tolerance.mean:
                lines.append(
                    f"{name} [{n}]: {often:.2%} differ by more than {tolerance.far:g}; mean difference {mean:.3g}"
                )
    return lines


def load(path: Path) -> Arrays:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def write_reference(part: str) -> Path:
    """Compute a part and make its numbers those that ``tests/test_guard.py`` expects."""
    kept = {name: array for name, array in PARTS[part]().items() if _tolerance(name) is not None}
    REFERENCE.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(REFERENCE / f"{part}.npz", **kept)  # type: ignore[arg-type]
    return REFERENCE / f"{part}.npz"


def _tolerance(name: str) -> Tolerance | None:
    return next((value for start, value in TOLERANCES.items() if name.startswith(start)), None)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# --- the command ------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "check", "reference"])
    parser.add_argument("parts", nargs="*", help=f"default: all; of {', '.join(PARTS)}")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    changed = 0
    for part in options.parts or [part for part in PARTS if available(part)]:
        if not available(part):
            parser.error(f"{part}: set {ASSET}")
        if options.what == "reference":
            print(f"{part}: wrote {write_reference(part)}")
            continue
        path = RECORD / f"{part}.npz"
        if options.what == "record":
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, **PARTS[part]())  # type: ignore[arg-type]
            print(f"{part}: recorded in {path}")
            continue
        if not path.is_file():
            parser.error(f"{path}: no such file; run `python tests/guard.py record {part}` before the change")
        found, expected = PARTS[part](), load(path)
        other = [name for name in found.keys() | expected.keys() if not _equal(found.get(name), expected.get(name))]
        for name in sorted(other):
            print(f"{part}: {name} changed")
        print(f"{part}: {len(other)} of {len(expected)} arrays changed")
        changed += len(other)
    return 1 if changed else 0


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and one.dtype == other.dtype and one.tobytes() == other.tobytes()


if __name__ == "__main__":
    sys.exit(main())

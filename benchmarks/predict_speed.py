"""Where the time of ``aubench predict`` goes, in CPU seconds of all threads, and what its fast forms change in values.

    python benchmarks/predict_speed.py clip.mp4 [--run runs/mine] [--out speed.json] [--overlay]

CPU time, because it says how fast an idle machine would be also where the machine is not idle: ``cores`` divided by
the CPU seconds of one frame is the highest rate that so many cores can reach. Stages are measured on one core each,
the fast and the plain form in turn, ``--rounds`` times, and the lowest counts: decode; search (the whole detection
cascade, on every 24th frame: it runs only where no face is followed); follow (O-net on the last place); align (the
crop); extract (plain: as trained, 32 faces at once; fast: norms folded into convolutions, 16 at once; bf16 beside);
regress. "whole" reads the video from file to readings, plainly (one batch at a time on all cores) and with a batch a
core. "command" is the process, start-up and CSV included, "start-up" the same for a single frame. Differences are of
AU intensities (0 to 5) against plain fp32 on the same crops, over all frames and AUs; and of the whole against the
plain whole.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aubench.combination import Combination, load_shipped
from aubench.parameters import FacialParameters, intensity
from aubench.predict import stages
from aubench.predict.align import Canvas, Image
from aubench.predict.detect import Detector
from aubench.predict.readings import Readings
from aubench.predict.run import BATCH_ON_CPU, read
from aubench.predict.sources import open_source
from aubench.predict.track import Tracker
from aubench.quick import quicken

PLAIN_BATCH = 32
SEARCH_EVERY = 24
Cost = dict[str, float]


class _Nothing:
    """Stands in for the model where only faces are wanted."""

    def predict(self, images: torch.Tensor) -> FacialParameters:
        return FacialParameters.base(len(images))


def jitter(points: npt.NDArray[np.float64]) -> float:
    """Median over frames and points of |p(t+1) - 2 p(t) + p(t-1)|, in percent of the mean eye distance."""
    eyes = np.linalg.norm(points[:, 0] - points[:, 1], axis=1).mean()
    return float(100 * np.median(np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=2)) / eyes)


def cpu_ms(works: dict[str, Callable[[], int]], rounds: int) -> Cost:
    """The least CPU milliseconds per picture of ``works``, which take turns and say how many pictures they did."""
    least = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            since = time.process_time()
            done = work()
            least[name] = min(least[name], 1000 * (time.process_time() - since) / done)
    return least


def difference(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Cost:
    """How far intensities lie apart: the most, and the 99.9th percentile."""
    apart = np.abs(a - b)
    return {"max": float(np.nanmax(apart)), "p99.9": float(np.nanquantile(apart, 0.999))}


def answers(model: Combination, crops: list[Image], batch: int) -> npt.NDArray[np.float32]:
    """AU intensities (n, 23) of aligned crops."""
    return intensity(stages.regress(model, stages.extract(model, crops, batch).value).value.au.numpy())


def by_stage(path: str, model: Combination, rounds: int, limit: int) -> dict[str, Any]:
    """CPU milliseconds per picture of each stage, on one core, and what the fast forms change."""
    torch.set_num_threads(1)
    detector = Detector()
    images = [shot.image for shot in islice(open_source(path), limit)]
    found = [Tracker(detector).step(Canvas(images[0]))]  # warms up
    tracker = Tracker(detector)
    canvases = [Canvas(image) for image in images]
    found = [tracker.step(canvas) for canvas in canvases]
    faces = [(canvas, one[0][1].points) for canvas, one in zip(canvases, found, strict=True) if one]
    crops = stages.align([c for c, _ in faces], [p for _, p in faces], model.size).value
    fast, low = quicken(model), quicken(model, torch.bfloat16)
    features = stages.extract(model, crops, PLAIN_BATCH).value

    def follow() -> int:
        again = Tracker(detector)
        return len([again.step(Canvas(image)) for image in images])

    def extract(which: Combination, batch: int) -> Callable[[], int]:
        return lambda: stages.extract(which, crops, batch).images

    cost = cpu_ms(
        {
            "decode": lambda: len(list(islice(open_source(path), limit))),
            "search": lambda: stages.detect(detector, [Canvas(i) for i in images[::SEARCH_EVERY]]).images,
            "follow": follow,
            "align": lambda: stages.align([c for c, _ in faces], [p for _, p in faces], model.size).images,
            "extract, plain": extract(model, PLAIN_BATCH),
            "extract": extract(fast, BATCH_ON_CPU),
            "extract, bf16": extract(low, BATCH_ON_CPU),
            "regress": lambda: stages.regress(model, features).images,
        },
        rounds,
    )
    plain = answers(model, crops, PLAIN_BATCH)
    points = np.stack([p for _, p in faces])
    return {
        "cpu_ms_per_frame": cost,
        "difference": {
            "fast": difference(answers(fast, crops, BATCH_ON_CPU), plain),
            "bf16": difference(answers(low, crops, BATCH_ON_CPU), plain),
        },
        "followed_share": len(faces) / len(images),
        "jitter_percent_of_eye_distance": jitter(points) if len(points) > 2 else float("nan"),
    }


def whole(path: str, model: Combination, rounds: int, limit: int, cores: int) -> dict[str, Any]:
    """From file to readings: seconds and CPU seconds, plainly and with a batch a core, in turn."""
    torch.set_num_threads(cores)
    ways: dict[str, Callable[[], Readings]] = {
        "plain": lambda: read(open_source(path), model, size=model.size, batch=PLAIN_BATCH, lanes=1, limit=limit),
        "fast": lambda: read(open_source(path), quicken(model), size=model.size, limit=limit),
    }
    out: dict[str, Any] = {}
    values = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start, cpu = time.perf_counter(), time.process_time()
            values[name] = way()
            frames = len(np.unique(values[name].frame))
            cost = {
                "frames_per_s": frames / (time.perf_counter() - start),
                "cpu_ms_per_frame": 1000 * (time.process_time() - cpu) / frames,
            }
            if name not in out or cost["cpu_ms_per_frame"] < out[name]["cpu_ms_per_frame"]:
                out[name] = cost
    out["difference"] = difference(values["fast"].intensities, values["plain"].intensities)
    return out


def command(path: str, run: Path | None, frames: int | None) -> Cost:
    """The whole process: seconds, and CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "aubench", "predict", path, "--out", str(Path(folder) / "out.csv")]
        words += [*(["--run", str(run)] if run else []), *(["--frames", str(frames)] if frames else [])]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"s": seconds, "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def overlay_speed(path: str, limit: int = 96) -> float:
    """Frames per second of the second pass, with the neural renderer (random weights draw as fast as trained ones)."""
    from aubench import discovery
    from aubench.predict.overlay import write_overlay

    source = open_source(path)
    readings = read(source, _Nothing(), size=128, limit=limit)
    renderer = discovery.build("renderer", "neural", {"weights": "none"})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_overlay(source, readings, renderer, Path(folder) / "overlay.mp4")
        return len(readings) / (time.perf_counter() - start)


def markdown(result: dict[str, Any]) -> str:
    """The table for the documentation."""
    cost, ends, cores = result["cpu_ms_per_frame"], result["whole"], result["cores"]
    lines = ["| stage | plain, CPU ms a frame | fast | fast, bf16 |", "|---|---:|---:|---:|"]
    for stage in ("decode", "follow", "align", "extract", "regress"):
        plain, low = cost.get(f"{stage}, plain", cost[stage]), cost.get(f"{stage}, bf16", cost[stage])
        lines.append(f"| {stage} | {plain:.1f} | {cost[stage]:.1f} | {low:.1f} |")
    lines.append(f"| search, where no face is followed | {cost['search']:.1f} | {cost['search']:.1f} | |")
    plain, fast = ends["plain"]["cpu_ms_per_frame"], ends["fast"]["cpu_ms_per_frame"]
    lines.append(f"| all stages at once, file to readings | {plain:.1f} | {fast:.1f} | |")
    lines.append(
        f"| frames/s of {cores} free cores at most | {1000 * cores / plain:.0f} | {1000 * cores / fast:.0f} | |"
    )
    return "\n".join(lines)


def rounded(value: Any) -> Any:
    """Floats to six digits behind the point, in whatever holds them."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--cores", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--overlay", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = Combination.load(options.run) if options.run else load_shipped()
    result: dict[str, Any] = {
        "video": Path(options.video).name,
        "machine": platform.machine(),
        "cores": options.cores,
        "torch": torch.__version__,
    }
    parts: dict[str, Callable[[], Any]] = {
        "stages": lambda: by_stage(options.video, model, options.rounds, options.frames),
        "whole": lambda: whole(options.video, model, options.rounds, options.frames, options.cores),
        "start-up": lambda: command(options.video, options.run, 1),
        "command": lambda: command(options.video, options.run, None),
        **({"overlay_fps": lambda: overlay_speed(options.video)} if options.overlay else {}),
    }
    for name, part in parts.items():
        found = rounded(part())
        result.update(found if name == "stages" else {name: found})
        print(json.dumps({name: found}), file=sys.stderr, flush=True)
        if options.out:  # what is known already stays if the rest is stopped
            options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1), markdown(result), sep="\n\n")


if __name__ == "__main__":
    main()

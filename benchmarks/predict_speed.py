"""How fast `aubench predict` is, stage by stage and end to end.

    python benchmarks/predict_speed.py clip.mp4 --threads 2 [--run runs/mine] [--overlay] [--out speed.json]

Stages are timed one after the other on one thread of Python (decode; detect: the whole cascade on every eighth frame;
follow: O-net on the last place; align: the crop; extract and regress: the model in batches; read: both). "end to end"
is what the command does, with decoding and detection in threads of their own. The share of frames with a face and the
jitter of the five points come along (the second difference over time, as a share of the eye distance; detecting anew in
every frame beside following). Without --run and without a shipped model, the model's stages are left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aubench.combination import Combination, load_shipped
from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.predict import stages
from aubench.predict.align import Canvas
from aubench.predict.detect import Detector
from aubench.predict.run import read
from aubench.predict.sources import open_source
from aubench.predict.track import Tracker


class _Nothing:
    """Stands in for the model where there is none."""

    size = 128

    def predict(self, images: torch.Tensor) -> FacialParameters:
        return FacialParameters.base(len(images))


def jitter(points: np.ndarray) -> float:
    """Median over frames and points of |p(t+1) - 2 p(t) + p(t-1)|, in percent of the mean eye distance."""
    eyes = np.linalg.norm(points[:, 0] - points[:, 1], axis=1).mean()
    return float(100 * np.median(np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=2)) / eyes)


def measure(path: str, run: Path | None, batch: int) -> dict[str, Any]:
    """Frames per second of every stage on this video."""
    source, detector = open_source(path), Detector()
    model: Any = None
    try:
        model = Combination.load(run) if run else load_shipped()
    except UserError as error:
        print(f"no model: {error}")
    size = model.size if model is not None else _Nothing.size
    out: dict[str, Any] = {"frames": source.total}

    start = time.perf_counter()
    images = [shot.image for shot in source]
    out["decode_fps"] = len(images) / (time.perf_counter() - start)
    detector.detect(Canvas(images[0]))

    searched = stages.detect(detector, [Canvas(image) for image in images[::8]])
    out["detect_fps"] = searched.per_s
    out["detected_share"] = float(np.mean([bool(faces) for faces in searched.value]))

    tracker, start = Tracker(detector), time.perf_counter()
    canvases = [Canvas(image) for image in images]
    followed = [tracker.step(canvas) for canvas in canvases]
    out["follow_fps"] = len(followed) / (time.perf_counter() - start)
    out["followed_share"] = float(np.mean([bool(faces) for faces in followed]))

    faces = [(canvas, found[0][1].points) for canvas, found in zip(canvases, followed, strict=True) if found]
    crops = stages.align([canvas for canvas, _ in faces], [points for _, points in faces], size)
    out["align_fps"] = crops.per_s

    if model is not None:
        stages.extract(model, crops.value[:batch], batch)
        features = stages.extract(model, crops.value, batch)
        answers = stages.regress(model, features.value)
        out["extract_fps"], out["regress_fps"] = features.per_s, answers.per_s
        out["read_fps"] = len(crops.value) / (features.seconds + answers.seconds)

    start = time.perf_counter()
    readings = read(open_source(path), model or _Nothing(), size=size, batch=batch)
    out["end_to_end_fps"] = len(np.unique(readings.frame)) / (time.perf_counter() - start)
    out["success_share"] = float(readings.success.mean())
    out["jitter_following_percent"] = jitter(readings.points[readings.success])
    anew = [detector.detect(Canvas(image)) for image in images[:120]]
    out["jitter_detecting_percent"] = jitter(np.stack([faces[0].points for faces in anew if faces]))
    return out


def overlay_speed(path: str, limit: int = 96) -> float:
    """Frames per second of the second pass, with the neural renderer (random weights draw as fast as trained ones)."""
    import tempfile

    from aubench import discovery
    from aubench.predict.overlay import write_overlay

    source = open_source(path)
    readings = read(source, _Nothing(), size=_Nothing.size, limit=limit)
    renderer = discovery.build("renderer", "neural", {"weights": "none"})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_overlay(source, readings, renderer, Path(folder) / "overlay.mp4")
        return len(readings) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--overlay", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = {
        "video": Path(options.video).name,
        "machine": f"{platform.machine()}, {options.threads} torch threads",
        "torch": torch.__version__,
        **measure(options.video, options.run, options.batch),
    }
    if options.overlay:
        result["overlay_fps"] = overlay_speed(options.video)
    text = json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in result.items()}, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

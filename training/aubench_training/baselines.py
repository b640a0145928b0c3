"""What is scored beside a run: estimators fitted to its training people and asked about its test frames.

A baseline is no part of the result. One that fails, or that is interrupted, leaves its reason in the report.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aubench import discovery
from aubench.contracts import Dataset, Estimator, Frames
from aubench.data.labels import locked, open_labels
from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.progress import in_words, progress
from aubench.results import BASELINES, prediction_table, write_table
from aubench.scores import LABELS

from .bench import Bench
from .cache import Pool
from .config import RunConfig

INTERRUPTED = "interrupted"
NOT_BEGUN = "not begun, because the baseline before it was interrupted"


@dataclass
class Scored:
    """``tables``: predictions by baseline; ``failed``: why there are none, by baseline and then by data set."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)


def check(config: RunConfig, datasets: Sequence[Dataset]) -> None:
    """Build every baseline for every data set, before anything is drawn or trained. Raises ``UserError`` for one that
    cannot be built; draws nothing and reads no label."""
    for name in config.baselines:
        for dataset in datasets:
            try:
                discovery.build("estimator", name, _options(config, name, dataset.aus))
            except UserError as error:
                raise UserError(
                    f"baseline {name} for {dataset.name}: {error} (`--baselines none` leaves baselines out)",
                    code=error.code,
                ) from error


def predict_all(bench: Bench, folder: Path, tested: Sequence[tuple[Dataset, Frames]], frames_per_s: float) -> Scored:
    """Fit and ask every baseline of the config, and keep its predictions in ``<folder>/baselines``.

    ``frames_per_s``: how fast the run's extractor and regressor read pictures, for an estimate of the time. Data sets
    that nobody trains on are passed over. After Ctrl-C no further baseline is begun.
    """
    scored, about, stopped = Scored(), {}, False
    for name in bench.config.baselines:
        if stopped:
            scored.failed[row_of(name)] = {dataset.name: NOT_BEGUN for dataset, _ in tested}
            continue
        tables, known = [], _Known()
        for dataset, frames in tested:
            if not len(dataset.frames("train")):
                continue
            try:
                with progress(f"baseline {name}, {dataset.name}"):
                    tables.append(_predict(bench, name, dataset, frames, known, frames_per_s))
                continue
            except KeyboardInterrupt:
                reason, stopped = INTERRUPTED, True
            except Exception as error:
                reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
                if os.environ.get("AUBENCH_DEBUG", "") not in ("", "0"):
                    traceback.print_exc(file=sys.stderr)
            reason = " ".join(reason.split())
            scored.failed.setdefault(row_of(name), {})[dataset.name] = reason
            bench.console.print(f"baseline {name}, {dataset.name}: left out: {reason}", markup=False, highlight=False)
            if stopped:
                break
        if tables:
            table, about[name] = pd.concat(tables, ignore_index=True), known.facts()
            scored.tables[row_of(name)] = table
            # Kept beside the scores, so that `aubench compare` can test and draw them too.
            write_table(folder / BASELINES / f"{name}.csv", table)
            atomic_write_text(folder / BASELINES / "about.json", json.dumps(about, indent=1) + "\n")
    return scored


def row_of(name: str) -> str:
    """The row of a baseline in the report; the estimator ``mean`` is not the constant that every report has."""
    return f"{name} (baseline)" if name in LABELS else name


@dataclass
class _Known:
    """Whether a baseline saw labels, and how fast it answers."""

    supervised: bool = False
    frames: int = 0
    seconds: float = 0.0

    def facts(self) -> dict[str, Any]:
        return {"supervised": self.supervised, "frames_per_s": round(self.frames / max(self.seconds, 1e-9), 1)}


def _predict(
    bench: Bench, name: str, dataset: Dataset, frames: Frames, known: _Known, frames_per_s: float
) -> pd.DataFrame:
    """The predictions of one baseline on one data set. Only one that says it is supervised gets labels to fit on."""
    train = dataset.frames("train")
    estimator: Estimator = discovery.build("estimator", name, _options(bench.config, name, dataset.aus))
    _offer(bench, dataset, estimator)
    pictures = getattr(estimator, "pictures", None)
    about = ""
    if callable(pictures) and frames_per_s > 0:
        about = f"about {in_words(pictures(len(train), len(frames)) / frames_per_s)} to read pictures; "
    bench.console.print(
        f"baseline {name}, {dataset.name}: {about}Ctrl-C leaves it out, `--baselines none` all of them",
        markup=False, highlight=False,
    )  # fmt: skip
    known.supervised = estimator.supervised
    if estimator.supervised:
        estimator.fit(train, open_labels(dataset, "train"), seed=bench.config.seed)
    else:
        with locked():
            estimator.fit(train, None, seed=bench.config.seed)
    with locked():
        since = time.monotonic()
        values = estimator.predict(frames)
        known.seconds += time.monotonic() - since
    known.frames += len(frames)
    return prediction_table(frames, estimator.aus, np.asarray(values))


def _offer(bench: Bench, dataset: Dataset, estimator: Estimator) -> None:
    """Hand an estimator that takes them the faces that are drawn, and the features that are computed, already."""
    config, pools = bench.config, bench.pools
    additions = config.additions
    drawn = pools.sampled if additions.loopback_first or additions.sampled_loopback else []
    own = [each for each in drawn if each.source.own]
    if hasattr(estimator, "offer_drawn"):
        for each in own:
            estimator.offer_drawn(each.samples.images, each.samples.parameters(), each.source.style)
    if hasattr(estimator, "offer_features"):
        # Features of pictures that were changed at random are not those of the drawn faces.
        plain = [each for each in own if each.source.style == "game" or not config.sampled.randomised]
        frames = None
        if "photo" in vars(pools) and config.frames is None:
            frames = Pool([pools.photo.parts[bench.datasets.index(dataset)]]).batches
        estimator.offer_features(frames, {each.source.style: each.pool.batches for each in plain})


def _options(config: RunConfig, name: str, aus: tuple[str, ...]) -> dict[str, Any]:
    """What an estimator that reads the same features, of the same faces, is told, as far as it has such options."""
    known = discovery.find("estimator", name).config.model_fields
    options = {
        "aus": aus,
        "extractor": config.extractor.name,
        "extractor_config": config.extractor.config,
        "engine": config.engine.name,
        "engine_config": config.engine.config,
    }
    return {option: value for option, value in options.items() if option in known}

"""The measurement from a config: answers, gradients, labels, numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from aubench import __version__
from aubench.contracts import Dataset
from aubench.data.automatic import make_ready
from aubench.data.labels import locked, open_labels
from aubench.errors import UserError
from aubench.foreign import notice
from aubench.parameters import AU_NAMES, AU_SIZE, BASE_AU, INTENSITY_SCALE, POSE_NAMES, POSE_SIZE
from aubench.statistics import bootstrap, mean_over_aus, resamples, scores, subject_sums

from ..bench import Bench
from ..config import RunConfig
from ..device import seed_everything
from ..evaluate import weights_used
from ..preflight import preflight, require_weights
from ..sampler import spread
from ..trainer import describe_environment
from .answers import At, answers
from .gradients import GROUPS, Gradient, of_loopback, of_losses
from .model import LossSignal, Mean, OfDataset, OfGroup, OfLoss, OfParameter, Reach
from .setting import SHIPPED

Array = npt.NDArray[np.float64]
NAMES = (*POSE_NAMES, *AU_NAMES)
"""The parameters that can have a truth, in the order of the answer's vector."""
THRESHOLD = 0.05
"""Errors up to this, a quarter of an intensity, say nothing about signs."""


def measure(
    config: RunConfig,
    titles: Sequence[str] | None = None,
    *,
    at: At = "raw",
    command: Sequence[str] = (),
    cache: Path | None = None,
) -> LossSignal:
    """What each loss of ``config`` tells about each parameter of R's answers to training frames.

    Args:
        config: As :func:`.setting.setting` makes it: ``start`` names the model.
        titles: Names of the data sets in the result, where two are of one plugin; their own by default.
        at: Answers to each frame by itself ("raw"), or against the person's own calm frames ("person").
        command: What was called, for the record.
        cache: Folder of the cache; the user's by default.

    Returns:
        The measurement. Nothing is trained.

    Raises:
        UserError: ``labels-missing`` for a data set without labels of training frames, ``plan-invalid`` for a loss that
            needs what this combination cannot make, and others as ``aubench train`` does.
    """
    began = time.monotonic()
    seed_everything(config.seed)
    console = Console(stderr=True)
    require_weights(config)
    with locked():
        bench = Bench(config, console, cache=cache)
        preflight(bench)
    names = list(titles or [dataset.name for dataset in bench.datasets])
    make_ready(((part.name, part.config) for part in config.datasets), console)
    truths = [_truth(dataset, name, config.frames) for dataset, name in zip(bench.datasets, names, strict=True)]
    with locked():
        for line in notice(weights_used(bench)):
            console.print(line, highlight=False)
        answer, persons = answers(bench, at)
        found, seen = of_losses(bench, answer)
        loopback = _sizes(of_loopback(bench))
    if config.start == SHIPPED:  # what its identity numbers mean, another engine decides
        loopback |= {"identity": None, "brow": None}
    vector = answer.vector().double().numpy()[:, : len(NAMES)]
    datasets, start = [], 0
    for part, name, truth in zip(bench.pools.parts, names, truths, strict=True):
        kept = np.flatnonzero(seen[start : start + len(part.frames)])
        rows = start + kept
        datasets.append(_dataset(config, part.dataset, name, part.frames.subject[kept], truth[kept] - vector[rows], {
            loss: Gradient(each.values[rows], each.reached, each.through) for loss, each in found.items()
        }, loopback))  # fmt: skip
        start += len(part.frames)
    environment = describe_environment()
    return LossSignal(
        aubench=__version__,
        commit=environment["commit"],
        machine=f"{environment['cpu']}, {environment['threads']} threads, {environment['accelerator']}",
        command=" ".join(command),
        seconds=round(time.monotonic() - began, 1),
        model=str(config.start),
        at=at,
        persons=persons,
        seed=config.seed,
        frames=config.frames or len(vector),
        batch=config.label_free.batch,
        threshold=THRESHOLD,
        loopback_engine=config.engine.name,
        loopback_faces=config.sampled.count,
        loopback_weight=config.sampled.beside,
        loopback=loopback,
        datasets=datasets,
    )


def _truth(dataset: Dataset, name: str, most: int | None) -> Array:
    """True parameters (n, 25) of the training frames that are measured, NaN where they are not known."""
    columns = [NAMES.index(au) if au in NAMES else -1 for au in dataset.aus]
    labels = open_labels(dataset, "train") if dataset.aus else np.empty((0, 0))
    known = [column for column in columns if column >= 0]
    if not known or not np.isfinite(labels[:, [c >= 0 for c in columns]]).any():
        raise UserError(
            f"data set {name!r}: has no AU labels of training frames to compare gradients with; name one that has, as "
            "--datasets synth-gap-10",
            code="labels-missing",
        )
    rows = spread(len(labels), most)
    truth = np.full((len(rows), len(NAMES)), np.nan)
    truth[:, known] = BASE_AU + (1 - BASE_AU) / INTENSITY_SCALE * labels[rows][:, [c >= 0 for c in columns]]
    drawn: Any = getattr(dataset, "read_parameters", None)  # of drawn people the pose is known as well
    if drawn is not None:
        truth[:, :POSE_SIZE] = drawn("train")[rows, :POSE_SIZE]
    return truth


def _dataset(
    config: RunConfig,
    dataset: Dataset,
    name: str,
    subjects: npt.NDArray[np.str_],
    errors: Array,
    found: dict[str, Gradient],
    loopback: dict[str, float | None],
) -> OfDataset:
    labelled = [au for au in dataset.aus if au in AU_NAMES and np.isfinite(errors[:, NAMES.index(au)]).any()]
    losses = {
        loss: _loss(config, config.losses[loss], gradient, errors, subjects, labelled, loopback)
        for loss, gradient in found.items()
    }
    rms = {each: _rms(errors[~np.isnan(errors[:, i]), i]) for i, each in enumerate(NAMES)}
    return OfDataset(
        name=name, digest=dataset.digest, frames=len(errors), people=len(np.unique(subjects)), aus=labelled,
        error_rms=rms, losses=losses,
    )  # fmt: skip


def _loss(
    config: RunConfig,
    weight: float,
    gradient: Gradient,
    errors: Array,
    subjects: npt.NDArray[np.str_],
    labelled: list[str],
    loopback: dict[str, float | None],
) -> OfLoss:
    direction = -gradient.values[:, : POSE_SIZE + AU_SIZE].astype(np.float64)
    sizes = np.sqrt(np.mean(direction**2, axis=0))
    scaled = direction / np.where(sizes > 0, sizes, 1.0)  # a correlation has no unit; gradients can be minute
    sums = subject_sums(np.where(sizes > 0, errors, np.nan), scaled, [str(each) for each in subjects])
    correlation = scores(sums.cells.sum(axis=0), "pcc")
    counted = np.abs(np.nan_to_num(errors)) > THRESHOLD
    agree = np.sign(direction) == np.sign(errors)
    parameters = {
        name: OfParameter(
            rms=float(sizes[i]),
            correlation=_number(correlation[i]),
            agreement=float(agree[counted[:, i], i].mean()) if sizes[i] > 0 and counted[:, i].any() else None,
            counted=int(counted[:, i].sum()),
        )
        for i, name in enumerate(NAMES)
    }
    places = [NAMES.index(au) for au in labelled]
    drawn = mean_over_aus(bootstrap(sums, "pcc", resamples(len(sums.subjects)))[:, places])
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) and len(sums.subjects) > 1 else (np.nan, np.nan)
    told = [a for au in labelled if (a := parameters[au].agreement) is not None]
    own = {group: size or 0.0 for group, size in _sizes(gradient).items()}
    beside = {group: config.sampled.beside * (size or 0.0) for group, size in loopback.items()}
    return OfLoss(
        weight=weight,
        groups={
            group: OfGroup(
                reach=_reach(gradient, group),
                rms=own[group],
                share=weight * own[group] / beside[group] if beside[group] else None,
            )
            for group in GROUPS
        },
        parameters=parameters,
        mean=Mean(
            correlation=_number(mean_over_aus(correlation[places])),
            low=_number(low),
            high=_number(high),
            agreement=float(np.mean(told)) if told else None,
        ),
        through=list(gradient.through),
    )


def _reach(gradient: Gradient, group: str) -> Reach:
    if group not in gradient.reached:
        return "no path"
    return "yes" if gradient.values[:, GROUPS[group]].any() else "zero"


def _sizes(gradient: Gradient) -> dict[str, float | None]:
    return {group: _rms(gradient.values[:, place]) for group, place in GROUPS.items()}


def _rms(values: npt.NDArray[Any]) -> float | None:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else None


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)

"""What a method must beat: constants and shuffled labels, from the truth alone; estimators, fitted to a data set."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aubench import discovery, registry
from aubench.compare.method import Member, Method
from aubench.compare.runs import BaselineFacts, Run
from aubench.compare.schema import MethodFacts
from aubench.compare.scoring import FrameCounts, MethodScores, ScoreMatrix, finish
from aubench.contracts import Dataset, Estimator
from aubench.data.labels import locked, open_labels
from aubench.errors import UserError
from aubench.results import prediction_table, truth_table

CONSTANTS = {
    "zero": "constant zero",
    "mean": "constant mean of the test labels (an oracle)",
    "shuffle": "the test labels, shuffled among the frames (an oracle)",
}
"""Baselines that need nothing but the truth."""


def constant(found: ScoreMatrix, like: MethodScores, how: str, seed: int = 0) -> MethodScores:
    """A constant on exactly the cells on which ``like`` is scored."""
    values = np.where(like.mask, found.values, np.nan)
    if how == "zero":
        values = np.zeros_like(values)
    elif how == "mean":
        count = like.mask.sum(axis=0)
        means = np.where(like.mask, values, 0.0).sum(axis=0) / np.maximum(count, 1)
        values = np.broadcast_to(means, values.shape)
    else:
        rng = np.random.default_rng(seed)
        values = values.copy()
        for column, kept in zip(values.T, like.mask.T, strict=True):  # views: filled in place
            column[kept] = rng.permutation(column[kept])
    method = Method(how, CONSTANTS[how], "constant", [Member(how, pd.DataFrame())])
    method.labels = "none" if how == "zero" else "oracle"
    counts = FrameCounts(frames=len(found.truth))
    return finish(found, MethodScores(method, [values.astype(np.float64)], like.mask.copy(), counts))


def of_runs(runs: Sequence[Run]) -> list[Method]:
    """The baselines whose predictions lie in run folders; of equal names the last run's."""
    methods: dict[str, Method] = {}
    for run in runs:
        about = run.baseline_facts
        for name, table in run.baseline_tables().items():
            if name in CONSTANTS:
                continue
            known = about.get(name) or BaselineFacts()
            method = Method(
                name, f"baseline, fitted with {run.name}", "baseline", [Member(name, table, None, run.seed)]
            )
            if known.supervised is not None:
                method.labels = "full" if known.supervised else "none"
            method.overlap = dict.fromkeys(run.datasets, _overlap(bool(known.supervised)))
            if known.frames_per_s:
                method.facts.frames_per_s = known.frames_per_s
                method.facts.speed_noted = "when the run was tested, on its machine"
            methods.pop(name, None)
            methods[name] = method
    return list(methods.values())


def open_dataset(name: str) -> Dataset:
    """A data set by the name of its plugin or of a variant in the registry."""
    plugin, config = registry.resolve("dataset", name)
    dataset: Dataset = discovery.build("dataset", plugin, config)
    return dataset


def truth_of(dataset: Dataset) -> pd.DataFrame:
    """The labels of a data set's test frames. Raises :class:`UserError` where there are none."""
    if not len(dataset.frames("test")):
        raise UserError(f"{dataset.name}: has no test frames in this split", code="split-invalid")
    return truth_table(dataset.frames("test"), dataset.aus, open_labels(dataset, "test"))


def fit(name: str, datasets: Sequence[Dataset], seed: int = 0) -> Method:
    """An estimator fitted to the training subjects of every data set and asked about the test subjects.

    Only one that says it is supervised is given labels, those of the training subjects. Raises :class:`UserError` for
    an unknown name, with the nearest ones.
    """
    plugin, config = registry.resolve("estimator", name)
    known = discovery.find("estimator", plugin).config.model_fields
    tables, answered, seconds, supervised = [], 0, 0.0, False
    estimators: dict[str, Estimator] = {}
    notes: dict[str, None] = {}
    for dataset in datasets:
        options = {**({"aus": dataset.aus} if "aus" in known else {}), **config}
        estimator: Estimator = discovery.build("estimator", plugin, options)
        supervised = estimator.supervised
        train, test = dataset.frames("train"), dataset.frames("test")
        if not len(train):
            raise UserError(
                f"--baselines {name}: {dataset.name} has no training subjects to fit it to", code="split-invalid"
            )
        if supervised:
            estimator.fit(train, open_labels(dataset, "train"), seed=seed)
        else:
            with locked():
                estimator.fit(train, None, seed=seed)
        with locked():
            since = time.perf_counter()
            values = estimator.predict(test)
            seconds += time.perf_counter() - since
        # A frame without any answer is missing, as another tool's would be.
        there = np.asarray(~np.isnan(values).all(axis=1))
        answered += int(there.sum())
        tables.append(prediction_table(test, estimator.aus, values).loc[there])
        estimators[dataset.name] = estimator
        notes |= dict.fromkeys(getattr(estimator, "notes", ()))
    if not answered:
        raise UserError(
            f"--baselines {name}: has no answer for any test frame of {', '.join(estimators)}",
            code="nothing-to-compare",
        )
    method = Method(name, discovery.find("estimator", plugin).summary, "baseline", [])
    method.members = [Member(name, pd.concat(tables, ignore_index=True), None, seed)]
    method.labels = "full" if supervised else "none"
    method.overlap = {dataset.name: _overlap(supervised) for dataset in datasets}
    numbers, megabytes = size_of(estimator)
    method.facts = MethodFacts(
        frames_per_s=float(f"{answered / max(seconds, 1e-9):.3g}"),
        speed_noted="while it answered all its frames for this comparison",
        licence="MIT (ours)",
    )
    if numbers:
        method.facts.parameters, method.facts.megabytes = numbers, megabytes
    method.estimators, method.notes = estimators, list(notes)
    return method


def _overlap(supervised: bool) -> str:
    how = "with" if supervised else "without"
    return f"its training subjects, {how} labels; test subjects unseen"


def size_of(estimator: Estimator) -> tuple[int, float]:
    """How many numbers an estimator holds and their megabytes, as far as it has ``weights()``; else 0."""
    weights = getattr(estimator, "weights", None)
    return amount(weights()) if callable(weights) else (0, 0.0)


def amount(tensors: Iterable[Any]) -> tuple[int, float]:
    """Numbers in arrays or tensors, and their megabytes."""
    sizes = [(int(np.prod(tuple(t.shape))), int(t.nbytes)) for t in tensors]
    return sum(count for count, _ in sizes), round(sum(size for _, size in sizes) / 1e6, 1)

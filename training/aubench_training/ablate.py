"""Leave-one-out: does each loss, and each addition to the paper, earn its place?

Every variant is an ordinary run of its own folder. Two things are shared: the caches of frozen features, and the first
phase, which does not depend on the losses: it is trained once per seed, and its last checkpoint is what the runs that
differ only in the second phase resume from.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.report import REPORT

from .config import RunConfig, check, dump
from .trainer import CONFIG, train

ALL = "all"
FIRST_PHASE_ONLY = "first phase only"
_SECOND_PHASE_ADDITIONS = ("sampled_loopback", "frozen_statistics")


@dataclass(frozen=True)
class Variant:
    """A row of the table, at one seed."""

    name: str
    config: RunConfig

    @property
    def folder(self) -> str:
        return f"{self.name.replace(' ', '-')}-s{self.config.seed}"


def variants(config: RunConfig, seeds: int, *, losses: bool = True, additions: bool = False) -> list[Variant]:
    """The whole, and it less one loss (``losses``) or one addition (``additions``) at a time, for every seed."""
    values = config.model_dump(mode="json") | {"baselines": []}
    rows: dict[str, dict[str, Any]] = {ALL: {}}
    if losses:
        for left in config.losses:
            rows[f"without {left}"] = {"losses": {n: w for n, w in config.losses.items() if n != left}}
        if config.additions.loopback_first:
            rows[FIRST_PHASE_ONLY] = {"label_free": values["label_free"] | {"steps": 0}}
    if additions:
        for left, on in config.additions.model_dump().items():
            if on:
                changed = values["additions"] | {left: False}
                if left == "domain_standardisation":  # the fair comparison: standardised, but not per domain
                    rows["joint statistics"] = {"additions": changed | {"joint_standardisation": True}}
                rows[f"without {left}"] = {"additions": changed}
    return [
        Variant(name, check(values | row | {"seed": config.seed + seed}))
        for seed in range(seeds)
        for name, row in rows.items()
    ]


def ablate(rows: Sequence[Variant], out: Path, *, jobs: int = 1, command: Sequence[str] = ()) -> dict[str, Any]:
    """Run what is not done yet under ``out``, then write ``ablation.json`` and ``ablation.md`` there."""
    for row in rows:
        finished = out / row.folder / CONFIG
        if finished.is_file() and finished.read_text(encoding="utf-8") != dump(row.config):
            raise UserError(f"{out / row.folder}: holds a run of another config; choose another --out.")
    first: dict[str, int] = {}
    for row in rows:
        key = _first_phase(row.config)
        if key is not None and key not in first:
            first[key] = len(first)
    for key, number in first.items():
        _run((out / f"first-phase-{number}", key, None))
    waiting = [(out / row.folder, dump(row.config), _checkpoint(out, first, row.config)) for row in rows]
    if jobs > 1:
        # One thread each: two processes of one thread do more than one process of two.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, _one_thread) as pool:
            list(pool.map(_run, waiting))
    else:
        list(map(_run, waiting))
    return _summarise(rows, out, command)


def _one_thread() -> None:
    torch.set_num_threads(1)


def _first_phase(config: RunConfig) -> str | None:
    """The config of the run that is only the first phase, equal for all runs that may share it; None without one."""
    if not config.additions.loopback_first or not config.loopback.steps:
        return None
    values = config.model_dump(mode="json")
    values |= {"losses": {}, "loss_options": {}, "baselines": [], "label_free": {**values["label_free"], "steps": 0}}
    values["additions"] |= dict.fromkeys(_SECOND_PHASE_ADDITIONS, False)
    return dump(check(values))


def _checkpoint(out: Path, first: dict[str, int], config: RunConfig) -> Path | None:
    key = _first_phase(config)
    return None if key is None else out / f"first-phase-{first[key]}" / "checkpoints"


def _run(job: tuple[Path, str, Path | None]) -> None:
    """One run, unless it is finished; ``start`` is the folder of checkpoints that it begins with."""
    import yaml

    folder, text, start = job
    if (folder / REPORT).is_file():
        return
    own = folder / "checkpoints"
    if start is not None and not own.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / "checkpoints.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(start, partial)
        partial.rename(own)
    train(check(yaml.safe_load(text)), folder, resume=True, tensorboard=False)


def _summarise(rows: Sequence[Variant], out: Path, command: Sequence[str]) -> dict[str, Any]:
    """Mean and spread over seeds of every row, beside the row of the whole."""
    names = list(dict.fromkeys(row.name for row in rows))
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        reports = [json.loads((out / r.folder / REPORT).read_text(encoding="utf-8")) for r in rows if r.name == name]
        found[name] = {
            "icc31": [_mean(report["datasets"], "icc31") for report in reports],
            "mae": [_mean(report["datasets"], "mae") for report in reports],
            "calibrated_icc31": [_mean(report["rows"]["calibrated"]["datasets"], "icc31") for report in reports],
            "in_domain_icc31": [report["training"]["in_domain_icc31"] for report in reports],
            "train_s": [report["training"]["train_s"] for report in reports],
            "aus": _per_au(reports),
        }
    seeds = len(found[ALL]["icc31"])
    summary = {"command": " ".join(command), "seeds": seeds, "rows": found}
    atomic_write_text(out / "ablation.json", json.dumps(summary, indent=1) + "\n")
    lines = [
        "# Leave-one-out\n",
        f"Mean over {seeds} seed{'s' if seeds != 1 else ''} ± standard deviation; the difference is paired by seed.\n",
        "| row | ICC(3,1) | difference | MAE | ICC(3,1) calibrated | ICC(3,1) on engine samples |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in found.items():
        change = np.subtract(row["icc31"], found[ALL]["icc31"])
        difference = "" if name == ALL else f"{change.mean():+.3f} ± {change.std():.3f}"
        columns = [_spread(row[k]) for k in ("icc31", "mae", "calibrated_icc31", "in_domain_icc31")]
        lines.append(f"| {name} | {columns[0]} | {difference} | {columns[1]} | {columns[2]} | {columns[3]} |")
    if command:
        lines.append(f"\nCommand: `{' '.join(command)}`")
    atomic_write_text(out / "ablation.md", "\n".join(lines) + "\n")
    return summary


def _mean(datasets: dict[str, Any], metric: str) -> float:
    """A metric's mean over the AUs, averaged over data sets; NaN where it is undefined."""
    values = [scored["mean"][metric] for scored in datasets.values()]
    return float(np.mean([np.nan if value is None else value for value in values]))


def _per_au(reports: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """ICC(3,1) of every AU, one for each seed; "data set/AU" where there are several data sets."""
    found: dict[str, list[float | None]] = {}
    for report in reports:
        for dataset, scored in report["datasets"].items():
            for au, scores in scored["aus"].items():
                key = au if len(report["datasets"]) == 1 else f"{dataset}/{au}"
                found.setdefault(key, []).append(scores["icc31"])
    return found


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"

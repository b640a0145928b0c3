"""Leave-one-out: does each loss, and each addition to the paper, earn its place?

A matrix of runs like any other (:mod:`.runner`), with a table of its own: every row beside the whole, paired by seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from aubench.files import atomic_write_text
from aubench.report.schema import Report

from .config import RunConfig, check
from .runner.asked import Asked
from .runner.run import Request, Result, run
from .runner.summary import read_report, scores, training_of

TITLE = "ablation"
ALL = "all"
FIRST_PHASE_ONLY = "first phase only"
METRICS = ("icc31", "mae", "calibrated_icc31", "in_domain_icc31")


@dataclass(frozen=True)
class Variant:
    """A row of the table, at one seed."""

    name: str
    config: RunConfig

    @property
    def folder(self) -> str:
        return f"{self.name.replace(' ', '-')}-s{self.config.seed}"


@dataclass(frozen=True)
class Finished:
    """A run that is done: its means by metric, its report, and the seconds that its training took."""

    means: Mapping[str, float | None]
    report: Report
    train_s: float | None


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


def request(rows: Sequence[Variant], out: Path, *, jobs: int | None = 1, command: Sequence[str] = ()) -> Request:
    """The rows as what the runner is asked for."""
    asked = [Asked(row.name, row.folder, row.config) for row in rows]
    return Request(asked, out, TITLE, jobs=jobs, command=command, selects=False)


def ablate(rows: Sequence[Variant], out: Path, *, jobs: int | None = 1, command: Sequence[str] = ()) -> Result:
    """Run what is not done yet under ``out``, then write ``ablation.json`` and ``ablation.md`` there; the former is the
    result's summary."""
    result = run(request(rows, out, jobs=jobs, command=command))
    return replace(result, summary=_summarise(rows, result, command))


def _summarise(rows: Sequence[Variant], result: Result, command: Sequence[str]) -> dict[str, Any]:
    """Mean and spread over seeds of every row, beside the row of the whole. A run that failed is missing, and said."""
    out, jobs = result.plan.out, result.plan.rows
    found: dict[str, dict[int, Finished]] = {row.name: {} for row in rows}
    for row in rows:
        folder = jobs[row.folder].folder
        report, numbers = read_report(folder), scores(folder)
        if report is not None and numbers is not None and jobs[row.folder].state in ("done", "was done"):
            found[row.name][row.config.seed] = Finished(numbers, report, training_of(report, folder).train_s)
    seeds = len({row.config.seed for row in rows})
    table = {name: _row(by_seed) for name, by_seed in found.items()}
    missing = {failure["run"]: failure["reason"] or failure["state"] for failure in result.summary["failures"]}
    summary = {"command": " ".join(command), "seeds": seeds, "rows": table, "missing": missing}
    atomic_write_text(out / "ablation.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    lines = [
        "# Leave-one-out\n",
        f"Mean over {seeds} seed{'s' if seeds != 1 else ''} ± standard deviation; the difference is paired by seed.\n",
        "| row | ICC(3,1) | difference | MAE | ICC(3,1) calibrated | ICC(3,1) on engine samples |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, values in table.items():
        columns = [_spread(values[metric]) for metric in METRICS]
        difference = "" if name == ALL else _difference(found[name], found[ALL])
        lines.append(f"| {name} | {columns[0]} | {difference} | {columns[1]} | {columns[2]} | {columns[3]} |")
    for name, reason in missing.items():
        lines.append(f"\nMissing: {name}: {reason}")
    if command:
        lines.append(f"\nCommand: `{' '.join(command)}`")
    atomic_write_text(out / "ablation.md", "\n".join(lines) + "\n")
    return summary


def _row(by_seed: Mapping[int, Finished]) -> dict[str, Any]:
    """A row's numbers, one for each seed that is done."""
    return {
        **{metric: [each.means[metric] for each in by_seed.values()] for metric in METRICS},
        "train_s": [each.train_s for each in by_seed.values()],
        "of_seeds": list(by_seed),
        "aus": _per_au([each.report for each in by_seed.values()]),
    }


def _difference(mine: Mapping[int, Finished], whole: Mapping[int, Finished]) -> str:
    """Change of ICC(3,1) against the whole, over the seeds that both have."""
    pairs = [(mine[seed].means["icc31"], whole[seed].means["icc31"]) for seed in mine if seed in whole]
    change = [a - b for a, b in pairs if a is not None and b is not None]
    return f"{np.mean(change):+.3f} ± {np.std(change):.3f}" if change else ""


def _per_au(reports: Sequence[Report]) -> dict[str, list[float | None]]:
    """ICC(3,1) of every AU, one for each seed; "data set/AU" where there are several data sets."""
    found: dict[str, list[float | None]] = {}
    for report in reports:
        for dataset, scored in report.datasets.items():
            for au, of_au in scored.aus.items():
                key = au if len(report.datasets) == 1 else f"{dataset}/{au}"
                found.setdefault(key, []).append(of_au.icc31)
    return found


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    return f"{np.mean(known):.3f} ± {np.std(known):.3f}" if len(known) > 1 else f"{known[0]:.3f}"

"""Finished runs on disk: finding their folders, reading them, telling which are the same combination."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import JsonValue, ValidationError

from aubench import plain_yaml
from aubench.errors import UserError, code_of_errno
from aubench.report.schema import Report
from aubench.result_model import ResultModel
from aubench.results import BASELINES, KEYS, PERSON, PREDICTIONS, TRUTH, au_columns, read_predictions, read_truth
from aubench.scores import LABELS, ScoreTable

CONFIG, REPORT, ENVIRONMENT = "config.yaml", "report.json", "environment.json"
TRAIN = "aubench train --extractor bisenet --losses ct,id,lp,pr,adv"
VOLATILE = frozenset({"seed", "device", "baselines", "checkpoint_every"})
"""Entries of a run's config that do not make it another combination."""


class BaselineFacts(ResultModel):
    """What a run noted of one of its baselines."""

    supervised: bool | None = None
    """Whether it was given the labels of the training subjects; None where nothing was noted."""
    frames_per_s: float | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its tables, its config, and its ``report.json`` (both without entries where there is none)."""

    folder: Path
    truth: pd.DataFrame
    predictions: pd.DataFrame
    config: Mapping[str, Any]
    report: Report

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def label(self) -> str:
        """Recipe and losses, as far as they are known."""
        losses = "+".join(self.config.get("losses", ()))
        return ": ".join(filter(None, (str(self.config.get("recipe", "")), losses))) or "run"

    def without(self, other: Run) -> str:
        """The loss that this run does without, if it is ``other`` less one loss and in nothing else; else empty."""
        ours, theirs = dict(self.config.get("losses") or {}), dict(other.config.get("losses") or {})
        left = [name for name in theirs if name not in ours]
        if len(left) != 1 or {**ours, left[0]: theirs[left[0]]} != theirs:
            return ""
        alike = _combination(self.folder, {**self.config, "losses": {}})
        return left[0] if alike == _combination(other.folder, {**other.config, "losses": {}}) else ""

    @functools.cached_property
    def person(self) -> pd.DataFrame | None:
        """Its predictions against each subject's calm frames; None of a run that does not read persons."""
        return read_predictions(self.folder / PERSON) if (self.folder / PERSON).is_file() else None

    @functools.cached_property
    def combination(self) -> str:
        """Equal for runs that differ in seed and the like only."""
        return _combination(self.folder, self.config)

    @property
    def seed(self) -> int | None:
        seed = self.config.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def datasets(self) -> list[str]:
        """What it was trained on, as far as its config says."""
        listed = self.config.get("datasets") or []
        return [str(d.get("name", "")) if isinstance(d, Mapping) else str(d) for d in listed]

    @functools.cached_property
    def environment(self) -> dict[str, JsonValue]:
        """What it ran on; empty where it noted nothing."""
        return _mapping(self.folder / ENVIRONMENT, json.loads)

    def holds(self, dataset: str) -> bool:
        """Whether it was tested on the data set."""
        return bool((self.truth["dataset"] == dataset).any())

    @functools.cache  # noqa: B019 - runs live as long as the command that opened them
    def digest(self, dataset: str) -> str:
        """Equal for equal test frames and labels of a data set, whatever their order."""
        return digest(self.truth, dataset)

    def baseline_tables(self) -> dict[str, pd.DataFrame]:
        """Predictions of what else was scored on the same frames when the run was, by name."""
        return {path.stem: read_predictions(path) for path in sorted((self.folder / BASELINES).glob("*.csv"))}

    @functools.cached_property
    def baseline_facts(self) -> dict[str, BaselineFacts]:
        """What the run noted of its baselines, by name."""
        path, facts = self.folder / BASELINES / "about.json", {}
        for name, known in _mapping(path, json.loads).items():
            try:
                facts[name] = BaselineFacts.model_validate(known)
            except ValidationError:
                raise UserError(f"{path}: the entry {name!r} is wrong; restore the file", code="file-damaged") from None
        return facts

    def baselines(self, dataset: str) -> dict[str, ScoreTable]:
        """Scores of what else was scored on the same frames when the run was: name to table. Where only they were
        kept, not the predictions behind them, nothing but the numbers can be shown."""
        return {
            name: row.datasets[dataset]
            for name, row in self.report.rows.items()
            if name not in LABELS and dataset in row.datasets
        }


def digest(truth: pd.DataFrame, dataset: str) -> str:
    """Sixteen digits, equal for equal frames and labels of a data set, whatever their order."""
    part = truth[truth["dataset"] == dataset].sort_values(list(KEYS))
    part = part[[*KEYS, *sorted(au for au in au_columns(part) if part[au].notna().any())]]
    return hashlib.sha256(part.to_csv(index=False, float_format="%.6g").encode()).hexdigest()[:16]


def find_runs(root: Path) -> list[Path]:
    """Folders under ``root`` (or itself) that hold predictions and truth, oldest first."""
    found = {path.parent for path in root.rglob(PREDICTIONS) if (path.parent / TRUTH).is_file()}
    return sorted(found, key=lambda folder: ((folder / PREDICTIONS).stat().st_mtime_ns, folder))


def newest_of_each(folders: Iterable[Path]) -> list[Path]:
    """The last of the folders of each combination; a folder without a config is one of its own."""
    newest: dict[str, Path] = {}
    for folder in folders:
        key = _combination(folder, read_config(folder))
        newest.pop(key, None)
        newest[key] = folder
    return list(newest.values())


def open_run(folder: Path) -> Run:
    """Read one run folder. Raises :class:`UserError` that names what is missing or wrong."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; make one with `{TRAIN} --out {folder}`", code="run-missing")
    for name in (PREDICTIONS, TRUTH):
        if not (folder / name).is_file():
            report = _report(folder)
            if "datasets" in report.model_fields_set and not report.datasets:
                raise UserError(
                    f"{folder}: nothing was scored in this run, none of whose data sets has labels",
                    code="labels-missing",
                )
            if (folder / REPORT).is_file():
                raise UserError(
                    f"{folder}: holds the report of a run without its {name}, so it cannot be compared; give the "
                    f"folder of the run itself, or repeat the run in another folder with --recipe {folder / CONFIG}",
                    code="run-missing",
                )
            text = f"{folder}: no {name}, so the run is not finished"
            if (folder / CONFIG).is_file():
                text += f"; `aubench train --resume --out {folder}` goes on with it"
            raise UserError(text, code="run-unfinished")
    tables = read_truth(folder / TRUTH), read_predictions(folder / PREDICTIONS)
    return Run(folder, *tables, read_config(folder), _report(folder))


def read_config(folder: Path) -> dict[str, Any]:
    """The resolved config of a run, empty where there is none. Raises :class:`UserError` for a torn one."""
    return _mapping(folder / CONFIG, lambda text: plain_yaml.parse(text, str(folder / CONFIG)))


def _report(folder: Path) -> Report:
    return Report.read(folder / REPORT) if (folder / REPORT).is_file() else Report()


def _mapping(path: Path, parse: Any) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = parse(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot be read: {' '.join(str(error).split())}",
            code=code_of_errno(getattr(error, "errno", None), "file-damaged"),
        ) from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds no entries", code="file-damaged")
    return values


def _combination(folder: Path, config: Mapping[str, Any]) -> str:
    if not config:
        return str(folder.resolve())
    return json.dumps({k: v for k, v in config.items() if k not in VOLATILE}, sort_keys=True, default=str)

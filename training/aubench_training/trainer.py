"""One run from config to report: its folder, its training behind the locked door, its evaluation."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from aubench import __version__, plugin_files
from aubench.contracts import Dataset
from aubench.data.automatic import make_ready
from aubench.data.dataset import checked_facts
from aubench.data.labels import locked
from aubench.device import cpu_name
from aubench.errors import UserError
from aubench.files import atomic_write_text
from aubench.foreign import notice
from aubench.progress import progress
from aubench.report.schema import Report

from .bench import Bench
from .config import RunConfig, differences, dump, files_used, load_config
from .device import seed_everything
from .evaluate import evaluate, weights_used
from .loop import fit
from .preflight import preflight, require_weights
from .run_folder import holds_anything, working_in

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
PACKAGES = ("torch", "numpy", "timm", "safetensors", "scikit-learn", "scikit-image", "opencv-python-headless", "numba")


def train(
    config: RunConfig,
    out: Path | None = None,
    *,
    resume: bool = False,
    command: Sequence[str] | None = None,
    cache: Path | None = None,
    tensorboard: bool = True,
    notes: Mapping[str, Any] | None = None,
) -> tuple[Path, Report]:
    """Train and evaluate; returns the run folder and the report.

    ``out`` defaults to :func:`default_folder`. An existing run is gone on with (``resume``) if it has the same config,
    and never overwritten. ``notes``: further facts for the report. Raises ``UserError`` for both, and for whatever the
    config asks of this machine in vain.
    """
    folder = out or default_folder(config)
    _check_place(folder, resume)
    with working_in(folder):
        _check_claim(folder, config, resume)
        report = _train(config, folder, resume, command, cache, tensorboard, notes or {})
    return folder, report


def _train(
    config: RunConfig,
    folder: Path,
    resume: bool,
    command: Sequence[str] | None,
    cache: Path | None,
    tensorboard: bool,
    notes: Mapping[str, Any],
) -> Report:
    """Train and evaluate in a folder that this process holds; returns the report."""
    began = time.monotonic()
    seed_everything(config.seed)
    console = Console(stderr=True)
    environment = describe_environment()
    # Whatever can be checked is checked before the first picture is drawn and before anything is written: what cannot
    # run leaves nothing behind.
    require_weights(config)
    with locked(), progress("building networks and opening data"):
        bench = Bench(config, console, cache=cache)
        preflight(bench)
    make_ready(((part.name, part.config) for part in config.datasets), console)
    with locked():
        data_facts = checked_facts(bench.datasets)
        for line in notice(weights_used(bench)):  # before they are used, and in the report afterwards
            console.print(line, highlight=False)
        atomic_write_text(folder / CONFIG, dump(config))
        plugin_files.keep(files_used(config), folder)
        atomic_write_text(folder / ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        facts = fit(bench, folder, resume=resume, tensorboard=tensorboard)
        bench.combination.save(folder, about={"recipe": config.recipe, "seed": config.seed, **facts})
    return evaluate(bench, folder, began, {
        "command": " ".join(command) if command else None,
        "recipe": config.recipe,
        "preset": config.preset,
        "losses": dict(config.losses),
        "additions": [name for name, on in config.additions.model_dump().items() if on],
        "seed": config.seed,
        "commit": environment["commit"],
        "data": {dataset.name: dataset.digest for dataset in bench.datasets},
        "training_frames": {dataset.name: trained_on(dataset, config) for dataset in bench.datasets},
        **data_facts,
        "machine": f"{environment['cpu']}, {environment['threads']} threads, {environment['accelerator']}",
        "training": facts,
        **notes,
    })  # fmt: skip


def trained_on(dataset: Dataset, config: RunConfig) -> int:
    """How many frames of a data set the label-free losses see."""
    count = len(dataset.frames("train"))
    return count if config.frames is None else min(count, config.frames)


def default_folder(config: RunConfig, root: Path = Path("runs")) -> Path:
    """``runs/<date>-<extractor>-<losses>-s<seed>``, with a number where that is taken."""
    date = datetime.date.today().isoformat()
    name = f"{date}-{config.extractor.name}-{'+'.join(config.losses) or 'none'}-s{config.seed}"
    if config.recipe != "default":
        name = f"{date}-{config.recipe}-{name.removeprefix(date + '-')}"
    taken = 1
    while (root / (name if taken == 1 else f"{name}-{taken}")).exists():
        taken += 1
    return root / (name if taken == 1 else f"{name}-{taken}")


def _check_place(folder: Path, resume: bool) -> None:
    """Whether a run may have the folder as far as that can be told before it is locked."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: is a file, not a folder.", code="output-unwritable")
    if folder.is_dir() and holds_anything(folder) and not (folder / CONFIG).is_file() and not resume:
        raise UserError(f"--out {folder}: is not empty and holds no run; choose another folder.", code="output-exists")


def _check_claim(folder: Path, config: RunConfig, resume: bool) -> None:
    """Whether a new run may have the folder, or the run that is there is this one."""
    if (folder / CONFIG).is_file():
        if not resume:
            raise UserError(
                f"--out {folder}: already holds a run; add --resume to go on with it, or choose another.",
                code="run-exists",
            )
        # Where the run computes may change between its parts; what it computes may not.
        other = [e for e in differences(config, load_config(folder / CONFIG)) if e not in ("device", "baselines")]
        if other:
            raise UserError(
                f"--resume: {folder / CONFIG} has another {', '.join(other)}; leave the options out to go on with it.",
                code="run-mismatch",
            )


def describe_environment() -> dict[str, Any]:
    """What a run ran on: versions, machine, commit."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "aubench": __version__,
        "commit": _commit(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU",
        "packages": versions,
    }


def _commit() -> str | None:
    """The commit of the source tree that this package runs from; ``None`` for an installed copy."""
    here = Path(__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None

"""Which networks, losses and frames are measured: a run's config, or the shipped model's, made small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aubench import discovery
from aubench.combination import Choice, load_shipped
from aubench.errors import UserError
from aubench.model_card import read_card

from ..config import RunConfig, assign, check, load_config, loss_weights, resolve
from ..trainer import CONFIG

SHIPPED = "shipped"
BENCHMARK: dict[str, Any] = {"name": "synth", "config": {"gap": 1.0}}
"""The data set where none is named: people outside the engine's identity space."""
BENCHMARK_TITLE = "synth, gap 1"
SMALL = {"subjects": 12, "sequences": 2, "frames_per_sequence": 30, "stride": 10}
"""Options of data sets that are drawn, where neither the user nor a variant gives others."""


def setting(
    run: Path | None,
    datasets: Sequence[Mapping[str, Any]],
    *,
    losses: Sequence[str] | None = None,
    loss_options: Mapping[str, Any] | None = None,
    frames: int = 320,
    seed: int = 1,
    device: str | None = None,
    assignments: Sequence[str] = (),
) -> RunConfig:
    """The config whose networks and losses are measured.

    Args:
        run: Folder of a finished run of ``aubench train``; ``None`` for the shipped model, with the losses and weights
            of the default recipe and sampled faces of its engine.
        datasets: Data sets with labels of training frames, as entries of a config (``{"name":, "config":}``).
        losses: Losses by name, ``name=weight`` for a weight; those of the run or recipe by default.
        loss_options: Options of losses by name.
        frames: Largest number of frames per data set, and of sampled faces.
        seed: Of drawn data sets and of batches.
        device: Where it is computed; as the run says by default.
        assignments: ``key.of.entry=value`` texts for any other entry.

    Returns:
        A config with ``start`` set, in full precision, without baselines, augmented copies and further engines.

    Raises:
        UserError: ``run-missing``, ``name-unknown`` or ``config-invalid``.
    """
    values, size = _of_shipped() if run is None else _of_run(run)
    values |= {
        "start": SHIPPED if run is None else str(run),
        "datasets": [_small(part, seed, size) for part in datasets],
        "frames": frames,
        "seed": seed,
        "precision": "fp32",
        "baselines": [],
        "copies": {},
        "people": {},
        "person": values["person"] | {"steps": 0},
        "label_free": values["label_free"] | {"steps": 1},
        "sampled": values["sampled"] | {"count": max(2, frames), "more": []},
    }
    if losses is not None:
        values["losses"] = loss_weights(losses, values["losses"])
        values["loss_options"] = {**values["loss_options"], **(loss_options or {})}
    if device is not None:
        values["device"] = device
    assign(values, assignments)
    if not values["losses"]:
        raise UserError(
            f"{run or SHIPPED}: has no label-free loss; name those to measure, as --losses ct,pr", code="option-missing"
        )
    return check(values, run)


def _of_shipped() -> tuple[dict[str, Any], int]:
    model = load_shipped()
    choices = {"extractor": model.extractor_choice, "regressor": model.regressor_choice}
    if model.renderer_choice is not None:
        choices["renderer"] = model.renderer_choice
    options: dict[str, Any] = {kind: _part(choice) for kind, choice in choices.items()}
    config = resolve("default", options=options | {"engine": {"config": {"size": model.size}}})
    return config.model_dump(mode="json"), model.size


def _of_run(run: Path) -> tuple[dict[str, Any], int]:
    config = load_config(run / CONFIG)
    if not (run / "model.json").is_file():
        raise UserError(
            f"--run {run}: has no model yet; finish it with `aubench train --resume`", code="run-unfinished"
        )
    return config.model_dump(mode="json"), read_card(run / "model.json").size


def _part(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "config": dict(choice.config)}


def _small(part: Mapping[str, Any], seed: int, size: int) -> dict[str, Any]:
    """A data set with the model's size of crops and, where it is drawn (it has a seed), few people and this seed."""
    known = discovery.find("dataset", part["name"]).config.model_fields
    wanted = {"size": size} | ({"seed": seed, **SMALL} if "seed" in known else {})
    return {**part, "config": {name: v for name, v in wanted.items() if name in known} | dict(part["config"])}

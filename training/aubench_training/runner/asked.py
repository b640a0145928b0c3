"""Which runs are asked for: the combinations of a matrix of ``registry.yaml``, each with a readable name."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from typing import Any

from aubench.component import Kind
from aubench.errors import UserError, did_you_mean
from aubench.registry import FILE, VARIABLE, Registry

from ..config import RunConfig, load_recipe, loss_weights, resolve
from ..datasets import with_recipe

LONGEST = 120
"""A row's name is cut to about so many characters, and made unique by a hash: file systems allow 255."""


@dataclass(frozen=True)
class Asked:
    """A run that somebody wants. ``row``: its line of the table, the same for all seeds; ``name``: of its folder."""

    row: str
    name: str
    config: RunConfig


def of_matrix(
    registry: Registry,
    name: str,
    *,
    seeds: Sequence[int] | None = None,
    steps: int | None = None,
    preset: str | None = None,
    device: str | None = None,
    assignments: Sequence[str] = (),
) -> list[Asked]:
    """Every combination of the matrix ``name`` at every seed, the seed changing fastest.

    A folder is called after the choices that the matrix lists, and so keeps its name when the matrix grows. Raises
    ``UserError`` for an unknown matrix, whatever a combination asks for in vain, and for two equal combinations.
    """
    if registry.path is None:
        raise UserError(
            f"no {FILE} here or above, so no matrix {name!r}; name one with --registry or ${VARIABLE}",
            code="file-missing",
        )
    matrix = registry.matrix(name)
    where = registry.where("matrices", name)
    wanted = list(matrix.seeds if seeds is None else seeds)
    if not wanted:
        raise UserError(f"{where}: no seeds, so there is nothing to run", code="registry-invalid")
    shared: dict[str, Any] = {} if device is None else {"device": device}
    if steps is not None:
        shared["label_free"] = {"steps": steps}
    axes: list[list[tuple[str, Any]]] = []
    for key in ("recipe", "extractor", "regressor", "renderer", "losses", "datasets"):
        if values := getattr(matrix, key):
            axes.append([(key, value) for value in values])
    found: list[Asked] = []
    for chosen in product(*axes):
        row = _unique(_name(chosen), {asked.row for asked in found})
        for seed in wanted:
            try:
                config = _config(registry, dict(chosen), {**shared, "seed": seed}, preset, assignments)
            except UserError as error:
                raise UserError(f"{where}: {row or 'its runs'}: {error}", code=error.code) from None
            found.append(Asked(row or name, f"{row}_s{seed}" if row else f"s{seed}", config))
    _refuse_twins(found)
    return found


def choose(asked: Sequence[Asked], pattern: str | None) -> list[Asked]:
    """The one whose folder has this name, else those whose name matches: ``*`` stands for anything, and a word may be
    anywhere in the name."""
    if pattern is None:
        return list(asked)
    if exact := [a for a in asked if a.name == pattern]:
        return exact
    chosen = [a for a in asked if pattern in a.name or fnmatch.fnmatchcase(a.name, pattern)]
    if not chosen:
        raise UserError(
            f"--only {pattern}: no such run. {did_you_mean(pattern, [a.name for a in asked])}", code="name-unknown"
        )
    return chosen


def _config(
    registry: Registry, chosen: dict[str, Any], options: dict[str, Any], preset: str | None, assignments: Sequence[str]
) -> RunConfig:
    """The config that ``aubench train`` would resolve from these options."""
    recipe = chosen.get("recipe", "default")
    kinds: tuple[Kind, ...] = ("extractor", "regressor", "renderer")
    options |= {kind: registry.part(kind, chosen[kind]) for kind in kinds if kind in chosen}
    if "datasets" in chosen:
        options["datasets"] = with_recipe([registry.part("dataset", name) for name in chosen["datasets"]], recipe)
    if "losses" in chosen:
        names, loss_options = registry.losses(chosen["losses"])
        options["losses"] = loss_weights(names, load_recipe(recipe).get("losses", {}))
        options["loss_options"] = loss_options
    return resolve(recipe, preset=preset, options=options, assignments=assignments)


def _name(chosen: Sequence[tuple[str, Any]]) -> str:
    """Choices as part of a file name, such as ``paper_bisenet_ct+id``."""
    words = []
    for key, value in chosen:
        text = "+".join(value) if isinstance(value, list) else value
        if key == "recipe" and text.endswith((".yaml", ".yml")):
            text = Path(text).stem
        words.append(re.sub(r"[^A-Za-z0-9.=+-]+", "-", text).strip("-.") or "none")
    name = "_".join(words)
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name


def _unique(name: str, taken: set[str]) -> str:
    """``name``, with a number where another row has it already (two recipes of one name in two folders)."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in names if each not in taken)


def _refuse_twins(asked: Sequence[Asked]) -> None:
    seen: dict[str, str] = {}
    for each in asked:
        other = seen.setdefault(each.config.model_dump_json(), each.name)
        if other != each.name:
            raise UserError(
                f"{other} and {each.name} are the same run: the matrix lists something twice, or --set decides what "
                "the matrix varies (seeds are set with --seeds)",
                code="config-invalid",
            )

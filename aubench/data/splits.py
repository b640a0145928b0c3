"""Which subjects train and which test: named splits, resolved against the subjects that are there, and hashed.

The published ones are in ``assets/splits.yaml``; a file of the user's own in the same form is ``FILE.yaml#NAME``. Every
data set also has ``train``, ``test``, ``loso:SUBJECT``, ``random:SEED`` and ``random:SEED:SHARE``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aubench import plain_yaml
from aubench.errors import UserError, did_you_mean

SHIPPED = Path(__file__).parent / "assets" / "splits.yaml"
TEST_SHARE = 1 / 3
LISTED = 200
"""So many subjects are named in a report."""
RULES = ("train", "test", "loso:SUBJECT", "random:SEED", "random:SEED:SHARE")


class Draw(BaseModel):
    """So many test subjects at random."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: int = Field(ge=0)
    seed: int = 0


class NamedSplit(BaseModel):
    """A split as a file tells it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str = ""
    train: list[str] | None = None
    test: list[str] = Field(default_factory=list)
    validation: list[str] = Field(default_factory=list)
    draw: Draw | None = None


class DatasetSplits(BaseModel):
    """The splits of one data set, and the one that is taken when none is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: str = "random:0"
    splits: dict[str, NamedSplit] = Field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """A split of the subjects that are there. ``absent`` are named in it but not there; ``left_out`` (validation
    subjects, and those that it does not name) are in neither part."""

    dataset: str
    name: str
    note: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    left_out: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Hash of who trains and who tests."""
        facts = [self.dataset, sorted(self.train), sorted(self.test)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def report(self) -> dict[str, Any]:
        """For a report: all of it, with its hash. Of more subjects than anybody reads (every photo of a folder is one),
        the number."""

        def told(value: Any) -> Any:
            if not isinstance(value, tuple):
                return value
            return list(value) if len(value) <= LISTED else f"{len(value)} subjects"

        facts = {key: told(value) for key, value in asdict(self).items() if key != "dataset" and value}
        return {**facts, "sha256": self.digest}


@cache
def read_splits(path: Path) -> dict[str, DatasetSplits]:
    """The splits of a file by data set. Raises ``UserError`` naming file and entry."""
    raw = plain_yaml.read(path, code="split-invalid")
    if not isinstance(raw, dict):
        raise UserError(f"{path}: contains no splits; see docs/data.md for the format", code="split-invalid")
    found = {}
    for name, entry in raw.items():
        try:
            found[str(name)] = DatasetSplits.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (name, *first["loc"])))
            raise UserError(f"{path}: {where}: {first['msg']}", code="split-invalid") from None
    return found


def known(dataset: str, *, own: Path | None = None) -> DatasetSplits:
    """The splits of a data set: of its plugin's ``own`` file where it has one, else of the shipped one."""
    splits = read_splits(own) if own is not None else read_splits(SHIPPED)
    return splits.get(dataset, DatasetSplits())


def resolve(
    dataset: str, name: str, subjects: Collection[str], *, own: Path | None = None, force: bool = False
) -> Resolved:
    """The split ``name`` of the ``subjects`` that are there.

    Raises ``UserError`` for an unknown name or subject, and for a subject on both sides unless ``force``.
    """
    here = sorted(set(subjects))
    source = known(dataset, own=own)
    if name == "default":
        name = source.default
    label = name
    if "#" in name:
        file, _, name = name.rpartition("#")
        splits = read_splits(Path(file))
        if dataset not in splits:
            raise UserError(
                f"{file}: no splits of data set {dataset!r}. {did_you_mean(dataset, splits)}", code="split-invalid"
            )
        source = splits[dataset]
    if name in source.splits:
        return _from_file(dataset, label, source.splits[name], here, force)
    return _from_rule(dataset, label, name, here, [*source.splits, *RULES])


def _from_file(dataset: str, label: str, split: NamedSplit, here: Sequence[str], force: bool) -> Resolved:
    test, validation = list(split.test), set(split.validation)
    if split.draw is not None:
        if split.draw.test >= len(here) and here:
            raise UserError(
                f"split {label!r} of {dataset}: draws {split.draw.test} test subjects, but only {len(here)} exist; "
                f"prepare more of them, or choose another split, e.g. random:0 (--split {dataset}=random:0 of "
                f"`aubench train`, --set {dataset}.split=random:0 of `aubench data`)",
                code="split-invalid",
            )
        test = _drawn(here, split.draw.test, split.draw.seed)
    train = [s for s in here if s not in validation and s not in set(test)] if split.train is None else split.train
    both = sorted(set(train) & set(test))
    if both and not force:
        raise UserError(
            f"split {label!r} of {dataset}: {', '.join(both)} in train and test at once; correct "
            f"it, or give --allow-leakage (`aubench train`), --set {dataset}.allow_leakage=true (`aubench data`)",
            code="split-invalid",
        )
    named = {*train, *test, *validation}
    return Resolved(
        dataset,
        label,
        split.note,
        tuple(s for s in here if s in set(train)),
        tuple(s for s in here if s in set(test)),
        tuple(s for s in here if s not in {*train, *test}),
        tuple(sorted(named - set(here))),
    )


def _from_rule(dataset: str, label: str, rule: str, here: Sequence[str], names: Sequence[str]) -> Resolved:
    kind, *rest = rule.split(":")
    note = ""
    if kind in ("train", "test") and not rest:
        test = list(here) if kind == "test" else []
        note = f"everybody is in {kind}"
    elif kind == "loso" and len(rest) == 1:
        if rest[0] not in here:
            raise UserError(
                f"split {label!r} of {dataset}: no subject {rest[0]!r}. {did_you_mean(rest[0], here)}",
                code="split-invalid",
            )
        test, note = [rest[0]], "leave one subject out"
    elif kind == "random" and len(rest) in (1, 2):
        try:
            seed, share = int(rest[0]), float(rest[1]) if len(rest) == 2 else TEST_SHARE
        except ValueError:
            raise UserError(
                f"split {label!r} of {dataset}: write random:SEED or random:SEED:SHARE", code="split-invalid"
            ) from None
        if seed < 0 or not 0 <= share <= 1:
            raise UserError(
                f"split {label!r} of {dataset}: the seed must be 0 or above, the share between 0 and 1",
                code="split-invalid",
            )
        test = _drawn(here, round(len(here) * share), seed)
        note = f"{share:.3g} of the subjects at random"
    else:
        raise UserError(
            f"data set {dataset!r} has no split {label!r}. {did_you_mean(rule, names)}", code="split-invalid"
        )
    return Resolved(dataset, label, note, tuple(s for s in here if s not in test), tuple(sorted(test)), (), ())


def _drawn(here: Sequence[str], count: int, seed: int) -> list[str]:
    order = np.random.default_rng([seed, 0x5E7]).permutation(len(here))
    return sorted(here[i] for i in order[:count])


def leakage(parts: Mapping[str, tuple[Collection[str], Collection[str]]]) -> dict[str, list[str]]:
    """People who train and test at once, within or across data sets. ``parts`` maps a data set to its people in train
    and in test, each as "namespace:subject"; returns for each such person where it is."""
    trained = {person for train, _ in parts.values() for person in train}
    tested = {person for _, test in parts.values() for person in test}
    return {
        person: [f"train of {name}" for name, (train, _) in parts.items() if person in train]
        + [f"test of {name}" for name, (_, test) in parts.items() if person in test]
        for person in sorted(trained & tested)
    }

"""``@fuzzed``: a test that reads many damaged inputs in a child and fails with a list of what went wrong, by kind.

``AUBENCH_FUZZ`` multiplies the number of inputs, ``AUBENCH_FUZZ_SEED`` chooses others.
"""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from guarded import Answer, Child
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from aubench.cli import app
from aubench.errors import UNCODED, UserError

SCALE = float(os.environ.get("AUBENCH_FUZZ") or 1)
SEED = int(os.environ.get("AUBENCH_FUZZ_SEED") or 0)
KEPT = os.environ.get("AUBENCH_FUZZ_KEEP")
"""A folder for the first input of each kind of violation, pickled."""
Reading = Callable[[Any, Path], object]
FUNCTIONS: dict[str, Reading] = {}


def read_by(*readings: Callable[[], object]) -> None:
    """Call every reader. One that refuses must give a code; the input counts as refused if all of them do."""
    refused = []
    for reading in readings:
        try:
            reading()
        except UserError as error:
            refused.append(error)
    for error in refused:
        if error.code == UNCODED or len(refused) == len(readings):
            raise error


def command(*arguments: str) -> None:
    """A command, in this process; what it refuses is raised."""
    try:
        app(args=list(arguments), prog_name="aubench")
    except SystemExit as leave:
        if leave.code not in (None, 0, 2):
            raise AssertionError(f"exit code {leave.code}") from None
        if leave.code == 2:
            raise UserError("refused by the command line", code="option-invalid") from None


@dataclass
class Tally:
    """What came of the inputs of one test."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    bad: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    def add(self, given: Any, answer: Answer) -> None:
        self.counts[answer.kind] += 1
        self.slowest = max(self.slowest, answer.seconds)
        if answer.bad:
            self.bad.setdefault((answer.kind, answer.place), []).append((answer.text, given))

    def row(self) -> tuple[str, int, dict[str, int], float]:
        return self.name, self.counts.total(), dict(self.counts), round(self.slowest, 2)

    def check(self) -> None:
        if not self.bad:
            return
        lines = []
        for number, ((kind, place), found) in enumerate(sorted(self.bad.items(), key=lambda item: -len(item[1]))):
            text, first = min(found, key=lambda each: len(repr(each[1])))
            lines.append(f"{len(found)} x {kind} at {place}: {text}; for example {_shown(first)}")
            if KEPT:
                Path(KEPT).mkdir(parents=True, exist_ok=True)
                (Path(KEPT) / f"{self.name}-{number}.pickle").write_bytes(pickle.dumps(first))
        pytest.fail(
            f"{sum(map(len, self.bad.values()))} of {self.counts.total()} inputs:\n" + "\n".join(lines), pytrace=False
        )


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]}"


def fuzzed(inputs: st.SearchStrategy[Any], examples: int) -> Callable[[Reading], Any]:
    """Make a test of a function that reads one input in an empty folder. ``examples``: inputs at ``AUBENCH_FUZZ=1``."""

    def decorate(function: Reading) -> Any:
        name = function.__name__.removeprefix("test_")
        FUNCTIONS[name] = function

        def test(child: Child, request: pytest.FixtureRequest) -> None:
            tally = Tally(name)

            @seed(SEED)
            @settings(
                max_examples=max(1, round(examples * SCALE)), database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(inputs)
            def each(given: Any) -> None:
                tally.add(given, child.read(name, given))

            each()
            request.node.user_properties.append(("fuzz", tally.row()))
            tally.check()

        test.reading = function  # type: ignore[attr-defined]
        test.__name__, test.__doc__, test.__module__ = function.__name__, function.__doc__, function.__module__
        return test

    return decorate

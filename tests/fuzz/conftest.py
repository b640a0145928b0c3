"""One child for all tests of a process, and the table of inputs at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import fuzzing
import pytest
from finished_run import tiny_plugins
from guarded import Child

from aubench import discovery

KINDS = ("ok", "refused", "uncoded", "failed", "wrong", "hang", "death", "payload")


@pytest.fixture(scope="session")
def child() -> Iterator[Child]:
    reader = Child(fuzzing.FUNCTIONS, _setup)
    yield reader
    reader.close()


@pytest.fixture
def tiny() -> Iterator[None]:
    with tiny_plugins():
        yield


def _setup() -> None:
    os.environ["AUBENCH_PLUGINS"] = "tiny_parts"
    discovery.forget()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    rows = [value for r in reports for name, value in getattr(r, "user_properties", ()) if name == "fuzz"]
    if not rows:
        return
    terminalreporter.section("inputs read")
    line = "{:34}{:>8}" + "{:>9}" * len(KINDS) + "{:>12}"
    terminalreporter.write_line(line.format("test", "inputs", *KINDS, "slowest s"))
    for name, total, counts, slowest in sorted(rows):
        terminalreporter.write_line(line.format(name, total, *(counts.get(kind, 0) for kind in KINDS), slowest))
    sums = [sum(counts.get(kind, 0) for _, _, counts, _ in rows) for kind in KINDS]
    terminalreporter.write_line(line.format("all", sum(row[1] for row in rows), *sums, max(row[3] for row in rows)))

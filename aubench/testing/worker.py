"""The worker process of the suites: spawned once, it builds and calls plugins as the processes of a data loader do."""

from __future__ import annotations

import functools
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from aubench.component import Component
from aubench.discovery import configure, load_factory
from aubench.processes import Workers

from .promise import expect
from .values import Answers, seeded

PATIENCE_S = 600.0


def environment() -> dict[str, str]:
    """Variables for a new Python process that finds what this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def ask(
    answer: Callable[[Any, Any], Answers],
    card: Component | None,
    config: Mapping[str, object],
    context: Mapping[str, object],
    parcel: bytes,
    example: Any,
) -> dict[str, Answers]:
    """Answers of a worker process to ``example``: of the ``object`` in the pickled ``parcel`` and, where there is a
    ``card``, of one built from it there. Raises :class:`Broken` where either does not arrive."""
    aubench = {name: value for name, value in os.environ.items() if name.startswith("AUBENCH_")}
    try:
        task = pickle.dumps((answer, card, dict(config), dict(context), parcel, example))
        return _pool().submit(_answer, task, list(sys.path), aubench).result(PATIENCE_S)
    except BrokenProcessPool:
        _pool.cache_clear()
        expect(False, "the worker process died while it built or called the plugin")
    except Exception as error:
        expect(False, f"it does not work in a worker process: {type(error).__name__}: {error}")
    raise AssertionError


@functools.cache
def _pool() -> Workers:
    """Started once; it ends with this process."""
    return Workers(1, _keep_stdout_clean, one_thread=False)


def _keep_stdout_clean() -> None:
    os.dup2(2, 1)


def _answer(task: bytes, path: list[str], variables: Mapping[str, str]) -> dict[str, Answers]:
    sys.path[:] = path
    for name in [name for name in os.environ if name.startswith("AUBENCH_")]:
        del os.environ[name]
    os.environ.update(variables)
    answer, card, config, context, parcel, example = pickle.loads(task)
    made = {"object": pickle.loads(parcel)}
    if card is not None:
        with seeded(0):
            made["component built from its card"] = load_factory(card)(configure(card, config), **context)
    with seeded(0):
        return {what: {n: t.detach().cpu() for n, t in answer(each, example).items()} for what, each in made.items()}

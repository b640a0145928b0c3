"""The suites without pytest: run every check, and say in one line what each found."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest import SkipTest

from aubench import discovery
from aubench.component import Component, Kind
from aubench.contracts import Engine
from aubench.errors import UserError

from .base import Suite
from .dataset import DatasetSuite
from .engine import EngineSuite
from .estimator import EstimatorSuite
from .extractor import ExtractorSuite
from .loss import LossSuite
from .process import restored
from .promise import Broken
from .recogniser import RecogniserSuite
from .regressor import RegressorSuite
from .renderer import RendererSuite

_SUITES: dict[Kind, type[Suite]] = {
    "extractor": ExtractorSuite,
    "regressor": RegressorSuite,
    "loss": LossSuite,
    "dataset": DatasetSuite,
    "recogniser": RecogniserSuite,
    "estimator": EstimatorSuite,
    "renderer": RendererSuite,
}
_FIRST = "test_is_built"
_LONGEST = 300


@dataclass(frozen=True)
class Check:
    """What one check found. ``reason`` is one line: what is broken, or why it could not be made."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All checks of one plugin, and what was measured: ``ms_per_face``, ``peak_mib``, ``million_weights``."""

    kind: str
    plugin: str
    config: Mapping[str, object]
    checks: tuple[Check, ...]
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status == "failed")

    def as_dict(self) -> dict[str, Any]:
        """The machine's form: what ``aubench plugins check --json`` prints."""
        return {**asdict(self), "passed": not self.failed}


def suite_for(kind: Kind, plugin: str, config: Mapping[str, object] | None = None) -> type[Suite]:
    """The suite of a plugin's kind, bound to it. A renderer is built to see whether it is an engine; where that fails,
    the suite's first check says why."""
    base = _SUITES[kind]
    if kind == "renderer":
        with contextlib.suppress(Exception, SystemExit), contextlib.redirect_stdout(sys.stderr):
            made = discovery.build(kind, plugin, config)
            if isinstance(made, Engine) or not made.differentiable:
                base = EngineSuite
    return type(f"Check{base.__name__}", (base,), {"plugin": plugin, "config": dict(config or {})})


def checks_of(suite: type[Suite]) -> list[str]:
    """Names of the checks of a suite: what all plugins promise first, then what its kind does."""
    names: dict[str, None] = {_FIRST: None}
    for base in reversed(suite.__mro__):
        names.update(dict.fromkeys(name for name in vars(base) if name.startswith("test_")))
    return list(names)


def run(suite: type[Suite], note: Callable[[Check], object] = lambda check: None) -> Report:
    """Run every check of a suite, each on its own; nothing that a plugin raises gets out of here. ``note`` hears of
    each check when it ends. Where the plugin cannot be built, the others are skipped."""
    checks: list[Check] = []
    for name in checks_of(suite):
        if checks and checks[0].status == "failed":
            check = Check(_title(name), "skipped", "it cannot be built")
        else:
            check = _run(suite, name)
        checks.append(check)
        note(check)
    measured = getattr(suite, "measured", {})
    return Report(suite.kind, suite.plugin, dict(suite.config), tuple(checks), dict(measured))


def _run(suite: type[Suite], name: str) -> Check:
    start = time.perf_counter()
    status: Literal["passed", "failed", "skipped"] = "passed"
    reason = ""
    try:
        with restored(), contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(suite(), name)()
    except SkipTest as left:
        status, reason = "skipped", str(left)
    except Broken as broken:
        status, reason = "failed", str(broken)
    except UserError as error:
        status, reason = "failed", str(error)
    except (Exception, SystemExit) as error:
        status, reason = "failed", _told(error, suite)
    return Check(_title(name), status, _one_line(reason), time.perf_counter() - start)


def _told(error: BaseException, suite: type[Suite]) -> str:
    """Type and message of an exception, and where in the plugin it was raised."""
    text = f"{type(error).__name__}: {_one_line(str(error))}" if str(error) else type(error).__name__
    place = _place(error, suite)
    return f"{text[:_LONGEST]} ({place})" if place else text


def _place(error: BaseException, suite: type[Suite]) -> str:
    """The innermost line of the plugin's own code, else the innermost outside of this package."""
    frames = traceback.extract_tb(error.__traceback__)
    home = _home(suite)
    here = str(Path(__file__).parent)
    own = [frame for frame in frames if home is not None and Path(frame.filename).is_relative_to(home)]
    outside = [frame for frame in frames if not frame.filename.startswith(here)]
    for frame in (own or outside)[-1:]:
        path = Path(frame.filename)
        return f"{path.parent.name}/{path.name}:{frame.lineno}"
    return ""


def _home(suite: type[Suite]) -> Path | None:
    """The folder of the plugin's package, or its file where it is one module."""
    try:
        card: Component = discovery.find(suite.kind, suite.plugin)
        module = card.factory.partition(":")[0]
        origin = getattr(importlib.util.find_spec(module), "origin", None)
    except (UserError, ImportError, ValueError):
        return None
    if origin is None:
        return None
    return Path(origin).parent if "." in module else Path(origin)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _title(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")

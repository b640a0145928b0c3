"""``aubench doctor``: is everything here that the bench needs, and if not, what to do.

Each part of the examination is a function that gives findings; one that fails is a finding too. torch, the only thing
that is slow to import (and that may crash where a driver is broken), is asked in a process of its own meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aubench.errors import UserError

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One line. ``remedy`` says what to do; a warning and an error always have one."""

    name: str
    value: str
    level: Level = "ok"
    remedy: str = ""


Examination = Callable[[], Iterator[Finding]]


@dataclass(frozen=True)
class Health:
    """Findings by section, in the order in which they are shown."""

    sections: dict[str, list[Finding]]

    def worst(self, *levels: Level) -> list[Finding]:
        """Findings of these levels."""
        return [finding for section in self.sections.values() for finding in section if finding.level in levels]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes are not in the way."""
        return not self.worst("error")

    def as_dict(self) -> dict[str, Any]:
        """The machine's form."""
        return {"ok": self.ok, **{name: [asdict(f) for f in found] for name, found in self.sections.items()}}


def examine() -> Health:
    """Examine everything. Raises nothing."""
    from . import machine, parts

    asked = machine.ask_torch()  # first: it works while we look elsewhere
    examinations: dict[str, Examination] = {
        "plugins": parts.plugins,
        "weights": parts.weights,
        "cache": machine.cache,
        "settings": parts.settings,
        "versions": machine.versions,
        "devices": lambda: machine.devices(asked),
    }
    found = {name: _examined(examination) for name, examination in examinations.items()}
    return Health({name: found[name] for name in ("versions", "devices", "cache", "settings", "weights", "plugins")})


def _examined(examination: Examination) -> list[Finding]:
    findings: list[Finding] = []
    try:
        for finding in examination():
            findings.append(finding)
    except UserError as error:
        findings.append(Finding("examination", " ".join(str(error).split()), "error", "correct what it says"))
    except Exception as error:
        text = " ".join(str(error).split())
        why = f"{type(error).__name__}: {text}" if text else type(error).__name__
        findings.append(Finding("examination", f"could not be finished: {why}", "error", "please report this"))
    return findings

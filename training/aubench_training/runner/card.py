"""``combination.json`` in a run's folder: which run it is, by content, and how it went. Written by whoever does it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aubench.errors import UserError
from aubench.files import atomic_write_text

from .identity import content_hash

CARD = "combination.json"
Kind = Literal["run", "first phase"]
Fault = Literal["user", "memory", "killed", "internal"]


class Card(BaseModel):
    """``halved``: phases whose batch is half of the config's, since memory did not suffice; ``retried``: by this run
    itself, not by the first phase that it shares."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    kind: Kind
    name: str
    hash: str
    identity: dict[str, Any]
    state: Literal["running", "done", "failed"] = "running"
    fault: Fault | None = None
    reason: str = ""
    halved: list[str] = Field(default_factory=list)
    retried: bool = False
    first_phase: str | None = None
    steps_per_s: dict[str, float] = Field(default_factory=dict)
    train_s: float | None = None
    wall_s: float | None = None

    @classmethod
    def of(cls, kind: Kind, name: str, decides: dict[str, Any]) -> Card:
        return cls(kind=kind, name=name, hash=content_hash(decides), identity=decides)

    @classmethod
    def read(cls, folder: Path) -> Card | None:
        """The card of a folder, if it has one. Raises ``UserError`` for one that is no card."""
        path = folder / CARD
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            words = " ".join(str(error).split())[:160]
            raise UserError(
                f"{path}: cannot be read ({words}); move the folder away to run it again", code="file-damaged"
            ) from None

    def write(self, folder: Path) -> None:
        atomic_write_text(folder / CARD, json.dumps(self.model_dump(), indent=1) + "\n")

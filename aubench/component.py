"""The card that a plugin shows: what it is called, what it is, and where its code lies. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from aubench.assets_lookup import Asset

Kind = Literal["renderer", "extractor", "regressor", "loss", "dataset", "recogniser", "estimator"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Config(BaseModel):
    """Base of every plugin's options. A misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    argument: ClassVar[str] = ""
    """The option that ``<plugin>:<value>`` on the command line sets, if there is such a one."""
    engines: ClassVar[tuple[str, ...]] = ()
    """Names of the options whose value is the name of an engine, so that a change of that engine is noticed. Where
    there is an option ``<name>_config`` beside one, it holds the engine's options."""


@dataclass(frozen=True)
class Component:
    """One thing that a plugin offers.

    ``factory`` is ``"module:attribute"``, imported on first use; it is called with an instance of
    ``config`` and the keyword arguments that its kind is promised (see :mod:`aubench.contracts`). ``assets`` are the
    files of others that it reads and may not bring along; the user says where they are.
    """

    kind: Kind
    name: str
    summary: str
    factory: str
    config: type[Config] = field(default=Config)
    licence: str = "MIT"
    assets: tuple[Asset, ...] = ()

"""``model.json``, the description of a saved model: its form, checked before anything in it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aubench import __version__, plugin_files
from aubench.errors import UserError
from aubench.files import sha256_file

FORMAT = 1
LARGEST_SIZE = 1024
"""Pixels of the side of the largest crops that a model may ask for."""


class _Plugin(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=200)
    config: dict[str, Any]


class _Extractor(_Plugin):
    digest: str = Field(max_length=64)


class ModelCard(BaseModel):
    """What a model consists of. Entries that this version does not know are passed over."""

    model_config = ConfigDict(frozen=True)

    aubench: str = ""
    extractor: _Extractor
    regressor: _Plugin
    renderer: _Plugin | None = None
    size: int = Field(gt=0, le=LARGEST_SIZE, strict=True)
    aus: tuple[str, ...] = Field(max_length=1000)
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Hash of the safetensors file beside it; older models have none."""
    plugins: tuple[plugin_files.Record, ...] = ()


def read_card(path: Path) -> ModelCard:
    """Read a description. Raises ``UserError`` for one that is missing, damaged, or of a newer form."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it holds no entries")
        if (form := values.get("format")) != FORMAT:
            raise UserError(
                f"{path}: format {form!r:.40} of model descriptions, written by aubench {values.get('aubench')!s:.40}; "
                f"this version, {__version__}, reads format {FORMAT}: install that version, or train again",
                code="model-invalid",
            )
        return ModelCard.model_validate(values)
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; is {path.parent} the folder of a finished `aubench train` run?", code="run-missing"
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
    raise UserError(f"{path}: not a model description ({' '.join(why.split()):.200})", code="model-invalid")


def require_unaltered(card: ModelCard, weights: Path) -> None:
    """Raise ``UserError`` where a weights file is there and is not the one that the description was written for."""
    if card.weights_sha256 is None or not weights.is_file():
        return
    try:
        found = sha256_file(weights)
    except OSError as error:
        raise UserError(f"{weights}: cannot be read ({error.strerror or error})", code="file-unreadable") from None
    if found != card.weights_sha256:
        raise UserError(
            f"{weights}: differs from the saved file (sha256 {found[:12]}, recorded {card.weights_sha256[:12]}); "
            "copy it again, or train again",
            code="file-altered",
        )

"""Options that every data set read from an original folder has. Imports nothing heavy: cards are made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aubench.component import Config

Source = Literal["auto", "landmarks", "openface", "detector"]


class PreparedConfig(Config):
    """Base of the options of a data set plugin made of a :class:`aubench.data.records.Reader`.

    A plugin adds its own fields (camera, masks). Those given here choose among prepared stores and splits; they are no
    business of the reader's.
    """

    root: str | None = Field(default=None, description="original folder; needed to check and prepare only")
    store: str | None = Field(default=None, description="folder that holds prepared stores; default: in the cache")
    size: int = Field(default=128, ge=16, le=1024, description="side of the aligned crops, pixels")
    align: Source = Field(default="auto", description="where the five points come from; auto: the first there is")
    split: str = Field(default="default", description="name of a split, or FILE.yaml#NAME; see `aubench data splits`")
    allow_leakage: bool = Field(default=False, description="let people be in train and test at once; marks reports")

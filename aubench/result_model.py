"""The base of the models behind result files: written as they are read, and read from what older versions wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from aubench.errors import UserError, code_of_errno

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval, in the unit of its score."""


class ResultModel(BaseModel):
    """A part of a result file.

    A field that was never set is not written, so that a file that was read and written again holds the same entries.
    Entries that a newer version added are passed over.
    """

    model_config = ConfigDict(protected_namespaces=(), use_attribute_docstrings=True)

    def to_dict(self) -> dict[str, JsonValue]:
        """The entries that are set, in the order of the fields, as JSON has them."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_json(self) -> str:
        """The text of the file, indented by one space.

        Raises:
            ValueError: a number is NaN or infinite, which JSON cannot hold.
        """
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            UserError: the file is missing or cannot be read (code by the system's error), or is no such file
                (``file-damaged``).
        """
        try:
            return cls.model_validate(json.loads(path.read_text("utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            entry = "/".join(map(str, first["loc"]))
            words = f"the entry {entry!r} is wrong: {first['msg']}" if entry else first["msg"]
            raise UserError(f"{path}: {words}; restore the file", code="file-damaged") from None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(
                f"{path}: cannot be read: {' '.join(str(error).split())}; restore the file",
                code=code_of_errno(getattr(error, "errno", None), "file-damaged"),
            ) from None

"""Assert which mistake was refused by its code, so that a message can be reworded without breaking a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aubench.errors import UserError


@contextmanager
def refused(code: str, *values: object) -> Iterator[pytest.ExceptionInfo[UserError]]:
    """The block raises a :class:`UserError` with ``code`` whose one line contains each of ``values``.

    ``values`` are what the user must find in the message (file names, values, options), not its prose.
    """
    with pytest.raises(UserError) as caught:
        yield caught
    message = str(caught.value)
    assert caught.value.code == code, f"code {caught.value.code}: {message}"
    missing = [str(value) for value in values if str(value) not in message]
    assert not missing, f"{missing} not in: {message}"


def assert_refused(stderr: str, code: str, *values: object) -> None:
    """The last line of ``stderr`` is an error with ``code`` that contains each of ``values``, and no traceback."""
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), stderr
    assert last.endswith(f"[{code}]"), stderr
    missing = [str(value) for value in values if str(value) not in last]
    assert not missing, f"{missing} not in: {last}"
    assert "Traceback" not in stderr

"""``KEY=VALUE`` as options of the command line take it: ``--set KEY=YAML``, ``--root NAME=DIR``."""

from __future__ import annotations

from typing import Any

from aubench.errors import UserError

_QUOTED = 200


def split(option: str, entry: str, example: str, *, form: str = "NAME=VALUE", empty: bool = False) -> tuple[str, str]:
    """The two sides of ``NAME=VALUE``, the name without blanks around it.

    Args:
        option: The option that was given, for messages: ``--root``.
        entry: What was given.
        example: A right one, for messages.
        form: What it should look like, for messages.
        empty: Accept an empty value.

    Returns:
        Name and value.

    Raises:
        UserError: ``entry`` has no ``=``, or nothing where something should be.

    Example:
        >>> split("--split", "disfa=paper", "disfa=paper")
        ('disfa', 'paper')
    """
    name, equals, value = entry.partition("=")
    name = name.strip()
    if not (name and equals and (value or empty)):
        raise UserError(f"{option} {entry:.{_QUOTED}}: write {form}, such as {example}", code="option-invalid")
    return name, value


def setting(entry: str, example: str, *, form: str = "KEY=VALUE") -> tuple[str, Any]:
    """Key and value of ``--set KEY=VALUE``, the value read as YAML. Raises ``UserError`` as :func:`split` does, and
    for a value that is not plain YAML.

    Example:
        >>> setting("sizes=[1, 2]", "batch=16")
        ('sizes', [1, 2])
    """
    from aubench import plain_yaml  # imports PyYAML, which most commands do without

    key, value = split("--set", entry, example, form=form, empty=True)
    if key.count(".") > plain_yaml.DEEPEST:
        raise UserError(
            f"--set {entry:.{_QUOTED}}: more than {plain_yaml.DEEPEST} dots; write {form}, such as {example}",
            code="option-invalid",
        )
    return key, plain_yaml.parse(value, f"--set {entry}", code="option-invalid")

"""The page of the command line, generated from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

INTRODUCTION = """# Command line

Generated from the commands when the site is built; `aubench COMMAND --help` shows the same. Exit codes: 0 for success,
2 for an error that you can fix (with a one-line message), 1 for an internal error, 130 after Ctrl-C.

"""


def page() -> str:
    """Markdown of every command with its arguments and options."""
    from aubench.cli import app

    root = typer.main.get_command(app)
    return INTRODUCTION + "\n".join(_sections(root, "aubench"))


def commands() -> dict[str, Any]:
    """Every command by its full name (``aubench data check``), groups included."""
    from aubench.cli import app

    return dict(_walk(typer.main.get_command(app), "aubench"))


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for word, part in getattr(command, "commands", {}).items():
        yield from _walk(part, f"{name} {word}")


def _sections(root: Any, title: str) -> Iterator[str]:
    for name, command in _walk(root, title):
        if command.hidden:
            continue
        context = command.context_class(command, info_name=name)
        yield f"{'##' if name.count(' ') < 2 else '###'} {name}\n"
        yield _text(command.help or "") + "\n"
        if parts := getattr(command, "commands", None):
            for word, part in parts.items():
                whole = f"{name} {word}"
                yield f"- [`{whole}`](#{_anchor(whole)}): {_first(part)}"
            yield ""
        else:
            yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```\n"
        rows = [_row(parameter, context) for parameter in command.params]
        if rows := [row for row in rows if row]:
            yield "| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _row(parameter: Any, context: Any) -> str | None:
    """One line of the table: how it is written, what it does, its default."""
    if getattr(parameter, "hidden", False):
        return None
    record = parameter.get_help_record(context)
    if record is None:
        return None
    written, told = record
    return f"| `{_cell(written)}` | {_cell(_text(told))} |"


def _text(help_: str) -> str:
    return re.sub(r"(?<!\w)(\[[^\]]*\])(?!\()", r"\\\1", help_.strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first(command: Any) -> str:
    return _text(command.get_short_help_str(limit=200))


def _anchor(title: str) -> str:
    return re.sub(r"[^\w-]+", "-", title.lower()).strip("-")

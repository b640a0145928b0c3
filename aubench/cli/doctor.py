"""``aubench doctor``: check the installation and suggest fixes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from aubench.doctor import Finding, Health

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every finding, its level and its remedy as JSON.")
    ] = False,
) -> None:
    """Check this installation (versions, devices, cache, weights, plugins) and suggest fixes.

    Exit code 1 if anything is in error; warnings and notes do not count.
    """
    from aubench.doctor import examine

    health = examine()
    if as_json:
        typer.echo(json.dumps(health.as_dict(), indent=1))
    else:
        _print(health)
    if not health.ok:
        raise typer.Exit(1)


def _print(health: Health) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for title, findings in health.sections.items():
        console.print(Text(title, style="bold"))
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            table.add_row(Text(finding.level, style=_STYLES[finding.level]), finding.name, _told(finding))
        console.print(Padding(table, (0, 0, 1, 2)))
    errors, warnings = len(health.worst("error")), len(health.worst("warning"))
    if errors or warnings:
        console.print(Text(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}", style=_STYLES["warning"]))
    else:
        console.print(Text("everything that is needed is here", style="green"))


def _told(finding: Finding) -> Text:
    from rich.text import Text

    text = Text(finding.value)
    if finding.remedy:
        text.append(f"\n→ {finding.remedy}", style="dim")
    return text


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"

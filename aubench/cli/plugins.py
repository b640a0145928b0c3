"""``aubench plugins``: list installed plugins, check one, or start a new one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aubench import discovery
from aubench.cli.check import check
from aubench.cli.plugin_option import PluginFiles
from aubench.cli.scaffold import new


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="List installed plugins, check one, or start your own.")
    group.command("list")(list_plugins)
    group.command("new")(new)
    group.command("check")(check)
    app.add_typer(group, name="plugins")


def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list, one object per row.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Also import the code of every plugin (slow: imports torch).")
    ] = False,
    plugin: PluginFiles = None,
) -> None:
    """List all installed plugins; a broken one is listed with the reason."""
    rows = discovery.check_factories() if check else discovery.listing()
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows], indent=1))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("kind", "name", "what it is", "from", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        origin = f"{row.distribution} {row.version}".strip()
        if row.status == "ok":
            table.add_row(row.kind, row.name, escape(row.summary), origin)
        else:
            table.add_row(row.kind, row.name, f"[red]broken: {escape(row.error)}[/red]", origin, style="dim")
    console = Console()
    console.print(table)
    broken = sum(row.status == "broken" for row in rows)
    console.print(f"{len(rows) - broken} plugins work" + (f", [red]{broken} broken[/red]" if broken else ""))

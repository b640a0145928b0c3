"""``aubench plugins check NAME``: does a plugin keep what its kind promises?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aubench import discovery
from aubench.assignments import setting
from aubench.cli.asset_option import Assets
from aubench.cli.plugin_option import PluginFiles
from aubench.component import KINDS, Kind
from aubench.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from aubench.registry import Registry
    from aubench.testing import Check, Report

_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def check(
    name: Annotated[str, typer.Argument(help="Plugin, or variant from registry.yaml, as listed by `plugins list`.")],
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of the plugin, if several share the name.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a plugin option (value as YAML); repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plugin: PluginFiles = None,
    asset: Assets = None,
) -> None:
    """Run the conformance suite on a plugin and measure its cost. Exit code 2 if a check fails."""
    found, plugin_name, config = _resolve(name, kind)
    config |= dict(setting(entry, "size=64") for entry in settings or [])
    from rich.console import Console

    from aubench.testing import run, suite_for

    with Console(stderr=True).status(f"building {name}") as status:
        suite = suite_for(found, plugin_name, config)
        report = run(suite, lambda done: status.update(f"{name}: {done.name}"))
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
    else:
        _print(report)
    if report.failed:
        raise typer.Exit(2)


def _resolve(name: str, kind: str | None) -> tuple[Kind, str, dict[str, Any]]:
    """Kind, plugin and options of a name. Raises :class:`UserError` for one that is unknown, broken or of several
    kinds."""
    from aubench import registry

    if kind is not None and kind not in KINDS:
        raise UserError(f"--kind {kind}: no such kind. {did_you_mean(kind, KINDS)}", code="option-invalid")
    installed = registry.load()
    asked = [each for each in KINDS if kind in (None, each)]
    kinds = [each for each in asked if _has(installed, each, name)]
    if len(kinds) > 1:
        raise UserError(
            f"{name} is the name of several plugins: give --kind {' or --kind '.join(kinds)}", code="name-ambiguous"
        )
    if kinds:
        return kinds[0], *installed.resolve(kinds[0], name)
    for row in discovery.listing():
        if row.status == "broken" and discovery.same_name(row.name, name) and row.kind in (*asked, "plugin"):
            raise UserError(f"{row.kind} {name!r} is installed but broken: {row.error}", code="plugin-broken")
    known = {n for each in asked for n in (*discovery.components(each), *installed.variants(each))}
    raise UserError(f"no {kind or 'plugin'} named {name!r}. {did_you_mean(name, known)}", code="name-unknown")


def _has(installed: Registry, kind: Kind, name: str) -> bool:
    return name in installed.variants(kind) or any(
        discovery.same_name(name.partition(":")[0], each) for each in discovery.components(kind)
    )


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "check", "s", "why", box=None, pad_edge=False, header_style="bold")
    table.columns[2].justify = "right"
    for each in report.checks:
        table.add_row(_status(each), escape(each.name), f"{each.seconds:.2f}", escape(each.reason))
    console = Console()
    console.print(table)
    counts = {status: sum(each.status == status for each in report.checks) for status in _COLOURS}
    told = ", ".join(f"[{_COLOURS[status]}]{n} {status}[/]" for status, n in counts.items() if n)
    console.print(f"{report.kind} {escape(report.plugin)}: {told}")
    if measured := "; ".join(_measure(name, value) for name, value in report.measured.items()):
        console.print(measured)


def _status(each: Check) -> str:
    return f"[{_COLOURS[each.status]}]{each.status}[/]"


def _measure(name: str, value: float) -> str:
    """A number with its unit, in words."""
    words = {
        "ms_per_face": f"{value:.2f} ms a face on the CPU",
        "peak_mib": f"{value:.0f} MiB of memory at most",
        "million_weights": f"{value:.2f} million weights",
    }
    return words.get(name, f"{name} {value:.4g}")

"""The command line: one module of this package per group of commands, and what happens when one fails.

Every module here that has a function ``register(app)`` adds its commands with it. They import what is heavy (torch,
pandas, a plugin) inside the body of a command, so that ``aubench --help`` and ``aubench plugins list`` answer at
once. This package is the only one of the core that may import :mod:`aubench_training`, and lazily.

Exit codes: 0; 2 for a mistake of the user's (:class:`aubench.errors.UserError`, options that typer refuses, a full disk
or a folder without write permission), reported in one line on stderr that ends with the error's code; 1 for a fault of
ours, with the traceback in a file (on stderr with ``AUBENCH_DEBUG=1``); 130 after Ctrl-C, 143 after SIGTERM.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import pkgutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aubench import __version__, discovery
from aubench.cli.asset_option import Assets
from aubench.cli.plugin_option import PluginFiles
from aubench.errors import UserError, code_of_errno, with_code
from aubench.processes import termination_as_interrupt

app = typer.Typer(
    name="aubench",
    help="Measure how strongly a face moves: train, compare and use action-unit intensity estimators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


_SET_BY_OPTIONS = "AUBENCH_"
"""How the environment variables begin that options may set: of the registry, of plugins, of assets."""
_MENDABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
"""What the system refuses for a reason that the user can fix: no space, no right, not such a folder."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"aubench {__version__}")
        raise typer.Exit


def _use_registry(path: Path | None) -> None:
    if path is not None:
        os.environ["AUBENCH_REGISTRY"] = str(path)


@app.callback()
def _options(
    registry: Annotated[
        Path | None,
        typer.Option(
            callback=_use_registry,
            help="Registry file. Default: $AUBENCH_REGISTRY, else the nearest registry.yaml here or above, else ours.",
        ),
    ] = None,
    plugin: PluginFiles = None,
    asset: Assets = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Measure how strongly a face moves: train, compare and use action-unit intensity estimators."""


for _module in pkgutil.iter_modules(__path__):
    if hasattr(_group := importlib.import_module(f"{__name__}.{_module.name}"), "register"):
        _group.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on ``arguments`` (default: the process's own) and return its exit code."""
    before = {name: value for name, value in os.environ.items() if name.startswith(_SET_BY_OPTIONS)}
    try:
        with termination_as_interrupt() as terminated, _deprecations_told():
            code = _run(arguments)
        return 143 if code == 130 and terminated() else code
    finally:  # --registry, --plugin and --asset are for one call, also where a caller makes several
        if os.environ.get("AUBENCH_PLUGINS") != before.get("AUBENCH_PLUGINS"):
            discovery.forget()
        for name in [name for name in os.environ if name.startswith(_SET_BY_OPTIONS) and name not in before]:
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _deprecations_told() -> Iterator[None]:
    """Tell each deprecated setting that is used (:mod:`aubench.assets_lookup`) in one line on stderr, once."""
    told: set[str] = set()
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, DeprecationWarning):
                shown(message, category, *where)
            elif str(message) not in told:
                told.add(str(message))
                print(f"warning: {message}", file=sys.stderr)

        warnings.showwarning = show  # type: ignore[assignment]
        warnings.filterwarnings("always", message="AUBENCH_", category=DeprecationWarning)
        yield


def _run(arguments: Sequence[str] | None) -> int:
    try:
        app(args=arguments, prog_name="aubench")
        code = 0
    except SystemExit as leave:  # typer always leaves this way, with 0 too
        code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except UserError as error:
        _debug()
        _print_error(str(error), error.code)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MENDABLE:
            _debug()
            where = f"{error.filename}: " if error.filename else ""
            _print_error(f"{where}{error.strerror}", code_of_errno(error.errno))
            return 2
        print(f"internal error: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        if not _debug():
            print(f"The traceback is in {_write_traceback()}; AUBENCH_DEBUG=1 shows it here.", file=sys.stderr)
        code = 1
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read us had enough, as in `aubench plugins list | head -1`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    return code


def _print_error(message: str, code: str) -> None:
    """One line on stderr, with the code at its end: docs/reference/errors.md lists the codes."""
    print(f"error: {with_code(message, code)}", file=sys.stderr)


def _debug() -> bool:
    """Show the exception in flight if ``AUBENCH_DEBUG`` asks for it."""
    wanted = os.environ.get("AUBENCH_DEBUG", "") not in ("", "0")
    if wanted:
        traceback.print_exc()
    return wanted


def _write_traceback() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="aubench-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return file.name

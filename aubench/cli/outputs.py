"""What a command would write, checked before it reads anything: no input, no other output and no file of somebody
else's is lost.

Every command with an option for a file or a folder to write calls :func:`guard`; ``tests/test_outputs.py`` walks the
command line and fails for one that does not.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from aubench.errors import UserError

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Also replace existing files that aubench did not write.")]


class Form(NamedTuple):
    """A format: the ``suffixes`` that fit it, and how aubench knows a file of it (one that exists) as its own."""

    suffixes: tuple[str, ...]
    is_ours: Callable[[Path], bool]


class Output(NamedTuple):
    """A file to write, with the ``option`` that names it."""

    option: str
    path: Path
    form: Form


def stamped(what: str, *suffixes: str) -> Form:
    """Files that bear aubench's mark of ``what`` they show."""

    def is_ours(path: Path) -> bool:
        from aubench.stamp import bears

        return bears(path, what)

    return Form(suffixes, is_ours)


def guard(
    outputs: Iterable[Output],
    inputs: Iterable[str | os.PathLike[str] | None] = (),
    *,
    sources: Iterable[str | os.PathLike[str] | None] = (),
    overwrite: bool | None = None,
) -> None:
    """Refuse outputs that would destroy something. Leaves nothing behind.

    Args:
        outputs: Every file that the command writes, also those that no option names, such as ``clip.csv.json``.
        inputs: Files that it reads, and folders of such files: all that they hold counts, but for the command's own
            earlier outputs. ``None`` is skipped.
        sources: Inputs that faces are read from. Of a folder, its pictures count.
        overwrite: Let files be replaced that aubench did not write; ``None`` where the command has no such option.
            Inputs are never replaced.

    Raises:
        UserError: ``output-is-input``, ``output-conflict``, ``output-suffix``, ``output-exists``, or
            ``output-unwritable`` for what is not a file, or cannot be written.
    """
    from aubench.predict.table import check_writable

    written = list(outputs)
    read = [Path(path) for path in inputs if path is not None]
    looked_at = [Path(path) for path in sources if path is not None]
    for output in written:
        for source in (*_files(read, output, pictures=False), *_files(looked_at, output, pictures=True)):
            if same_file(output.path, source):
                raise UserError(
                    f"{output.option} {output.path}: would overwrite the input {source}; choose another name",
                    code="output-is-input",
                )
    for number, output in enumerate(written):
        for other in written[:number]:
            if same_file(output.path, other.path):
                raise UserError(
                    f"{output.option} {output.path}: is the same file as {other.option} {other.path}; "
                    "choose another name for one of them",
                    code="output-conflict",
                )
    for output in written:
        check_suffix(output)
    for output in written:
        check_replaceable(output, overwrite)
    for output in written:
        check_writable(output.path)


def guard_folder(option: str, folder: Path, inputs: Iterable[str | os.PathLike[str] | None] = ()) -> None:
    """Refuse a folder of results that is a file, or one of the ``inputs``: a folder that is read, or the one in which a
    file that is read lies. ``None`` is skipped.

    Raises:
        UserError: ``output-unwritable`` or ``output-is-input``.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{option} {folder}: this is a file; give a folder", code="output-unwritable")
    for path in (Path(path) for path in inputs if path is not None):
        if same_file(folder, path.parent if path.is_file() else path):
            raise UserError(
                f"{option} {folder}: would write into the input {path}; choose another folder", code="output-is-input"
            )


def check_suffix(output: Output) -> None:
    """Refuse a name whose suffix does not fit the format. Raises :class:`UserError`, code ``output-suffix``."""
    if output.form.suffixes and output.path.suffix.lower() not in output.form.suffixes:
        wanted = " or ".join(output.form.suffixes)
        raise UserError(
            f"{output.option} {output.path}: the suffix must be {wanted}; choose such a name", code="output-suffix"
        )


def check_replaceable(output: Output, overwrite: bool | None) -> None:
    """Refuse to replace what is not a file, and, without ``overwrite``, a file that aubench did not write.

    Raises :class:`UserError`, codes ``output-unwritable`` and ``output-exists``. Empty files hold nothing to lose.
    """
    path = output.path
    try:
        there = path.exists() and not path.is_dir()
        if there and not path.is_file():
            raise UserError(
                f"{output.option} {path}: this is a device or a pipe; give a file", code="output-unwritable"
            )
        if there and not overwrite and path.stat().st_size and not output.form.is_ours(path):
            remedy = "choose another name" + (", or replace it with --overwrite" if overwrite is not None else "")
            raise UserError(
                f"{output.option} {path}: exists, and is not a file of this kind that aubench wrote; {remedy}",
                code="output-exists",
            )
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})", code="output-unwritable") from None


def same_file(one: Path, other: Path) -> bool:
    """Whether two names mean one file: through symlinks and hard links, and where upper and lower case are the same.
    Neither has to exist."""
    try:
        if os.path.samefile(one, other):
            return True
    except (OSError, ValueError):
        pass  # one of the two does not exist yet
    first, second = _resolved(one), _resolved(other)
    return first == second or (_folded(first) == _folded(second) and _ignores_case(first.parent))


def _files(inputs: list[Path], output: Output, *, pictures: bool) -> Iterator[Path]:
    """The files that ``inputs`` stand for, where ``output`` may be one of them."""
    from aubench.predict.sources import IMAGE_SUFFIXES

    for path in inputs:
        if not path.is_dir():
            yield path
        elif output.path.exists():  # a file that does not exist is not in any folder
            ours = not pictures and output.form.is_ours(output.path)
            for folder, _, names in os.walk(path):
                yield from (
                    Path(folder, name)
                    for name in names
                    if not ours and (not pictures or Path(name).suffix.lower() in IMAGE_SUFFIXES)
                )
                if pictures:
                    break


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of symlinks
        return path.absolute()


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _ignores_case(folder: Path) -> bool:
    """Whether the file system takes two names for one that differ in case only; where that cannot be tried, yes."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".aubench-Case-") as probe:
            made = Path(probe.name)
            return made.with_name(made.name.swapcase()).exists()
    except OSError:
        return True

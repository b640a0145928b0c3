"""Tables of other tools as text: encoding, preamble, delimiter, decimal comma and leading spaces sorted out.

Only the columns asked for are read, since an OpenFace file has seven hundred. Whatever cannot be understood is refused
with file and line; nothing is guessed silently.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aubench.errors import UserError, code_of_errno

_HEAD_LINES = 400
_LONGEST_LINE = 1 << 18
"""Characters of a line up to the header. OpenFace's, with 714 columns, has eight thousand."""
_DELIMITERS = "\t;,"
_NOTHING = ("", "nan", "na", "n/a", "null", "none")


@dataclass(frozen=True)
class Header:
    """Where the table of a file begins: names without the spaces around them, in the file's order."""

    path: Path
    names: tuple[str, ...]
    line: int
    """0-based line of the header."""
    delimiter: str
    encoding: str

    def has(self, *names: str) -> bool:
        return any(name in self.names for name in names)


def read_header(path: Path, is_header: Callable[[Sequence[str]], bool]) -> Header:
    """The first line of which ``is_header`` approves, among the first few hundred: some tools write a preamble.

    Raises :class:`UserError` for a file that is missing, binary or empty, and where no line will do.
    """
    try:
        with path.open("rb") as file:
            encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with path.open(encoding=encoding, newline="") as file:
            lines = [line for _, line in zip(range(_HEAD_LINES), file, strict=False)]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", code="file-missing") from None
    except (UnicodeError, OSError) as error:
        raise UserError(
            f"{path}: not a readable table: {' '.join(str(error).split())}",
            code=code_of_errno(getattr(error, "errno", None), "table-invalid"),
        ) from error
    if not any(line.strip() for line in lines):
        raise UserError(f"{path}: empty file", code="file-empty")
    for number, line in enumerate(lines):
        if len(line) > _LONGEST_LINE:
            raise UserError(
                f"{path}, line {number + 1}: {len(line)} characters before the table begins; no tool's header is "
                f"longer than {_LONGEST_LINE}",
                code="input-too-large",
            )
        delimiter = max(_DELIMITERS, key=line.count)
        try:
            names = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            continue
        names = [name.strip().lstrip("#").strip() for name in names]
        if is_header(names):
            return Header(path, tuple(names), number, delimiter, encoding)
    first = next(line for line in lines if line.strip())
    raise UserError(
        f"{path}: no header with columns of action units; the first line is {first.strip()[:80]!r}",
        code="table-invalid",
    )


def read_columns(header: Header, wanted: Sequence[str]) -> pd.DataFrame:
    """The wanted columns as stripped text, the index being line numbers of the file.

    Raises :class:`UserError` for a column that is there twice, lines of another length and a table without rows.
    """
    for name in wanted:
        if header.names.count(name) > 1:
            raise UserError(f"{header.path}: column {name!r} is there twice", code="table-invalid")
    lines = _whole_lines(header)
    places = sorted({header.names.index(name) for name in wanted})
    try:
        table = pd.read_csv(
            header.path, sep=header.delimiter, skiprows=header.line + 1, header=None, usecols=places,
            names=list(range(len(header.names))), dtype=str, keep_default_na=False, na_values=[],
            encoding=header.encoding, skipinitialspace=True, skip_blank_lines=False, index_col=False,
            on_bad_lines="error",
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        raise UserError(f"{header.path}: no rows", code="table-invalid") from None
    except (pd.errors.ParserError, UnicodeError, OSError, ValueError) as error:
        raise UserError(
            f"{header.path}: not a readable table: {' '.join(str(error).split())}", code="table-invalid"
        ) from error
    table.index = pd.RangeIndex(header.line + 2, header.line + 2 + len(table))
    lines = lines[: len(table)]  # pandas takes no notice of blank lines at the end
    table = table[lines]
    if table.empty:
        raise UserError(f"{header.path}: no rows", code="table-invalid")
    named = table.rename(columns={place: header.names[place] for place in places})
    text: pd.DataFrame = named[list(dict.fromkeys(wanted))].apply(lambda column: column.str.strip())
    return text


def _whole_lines(header: Header) -> npt.NDArray[np.bool_]:
    """Which lines below the header are rows and not blank. pandas would fill up a torn line without a word, and so take
    half a table for a whole one: it is refused here."""
    expected = len(header.names)
    kept = []
    with header.path.open(encoding=header.encoding, newline="") as file:
        for number, line in enumerate(file):
            if number <= header.line:
                continue
            kept.append(bool(line.strip()))
            if kept[-1] and line.count(header.delimiter) != expected - 1:
                try:
                    cells = len(next(csv.reader([line], delimiter=header.delimiter, skipinitialspace=True)))
                except csv.Error as error:
                    raise UserError(f"{header.path}, line {number + 1}: {error}", code="table-invalid") from None
                if cells != expected:
                    raise UserError(
                        f"{header.path}, line {number + 1}: {cells} cells, not {expected} as the header",
                        code="table-invalid",
                    )
    return np.array(kept, bool)


def numbers(header: Header, table: pd.DataFrame, name: str, words: Sequence[str] = ()) -> npt.NDArray[np.float64]:
    """A column as floats; NaN for an empty cell, for "NaN" and the like, and for the tool's own ``words`` of failure.

    A decimal comma is understood where the comma does not separate cells. Raises :class:`UserError` with the line for
    other text and for infinite numbers.
    """
    text = table[name]
    if header.delimiter != ",":
        text = text.str.replace(",", ".", regex=False)
    nothing = text.str.lower().isin([*_NOTHING, *(word.lower() for word in words)])
    values = pd.to_numeric(text.where(~nothing), errors="coerce").astype("float64")
    bad = ~nothing & ~values.abs().lt(np.inf)
    if bad.any():
        line = bad.index[int(np.flatnonzero(bad)[0])]
        raise UserError(
            f"{header.path}, line {line}: {name} is {table.at[line, name]!r}: not a number", code="table-invalid"
        )
    return np.asarray(values, np.float64)


def whole_numbers(header: Header, table: pd.DataFrame, name: str) -> npt.NDArray[np.int64]:
    """A column of frame numbers. Raises :class:`UserError` for an empty cell and for fractions."""
    values = numbers(header, table, name)
    bad = ~(values == np.round(values)) | (np.abs(values) > 1e15)
    if bad.any():
        line = table.index[int(np.flatnonzero(bad)[0])]
        raise UserError(
            f"{header.path}, line {line}: {name} is {table.at[line, name]!r}: not a frame number", code="table-invalid"
        )
    return values.astype(np.int64)

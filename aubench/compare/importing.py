"""Predictions of other tools as tables of ours: ``dataset, subject, sequence, frame``, AU columns and ``valid``.

What is dealt with, each counted in a note: leading spaces, frames that count from 1, ``p_rx`` beside ``AU01_r``, failed
frames written as zeros, several faces in a frame, decimal commas, rows of other sensors. What cannot be mended is
refused with file and line: text among numbers, values off the scale (a lost decimal comma), two rows of one frame with
nothing to choose by.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aubench.compare import sensors
from aubench.compare.csv_reader import Header, numbers, read_columns, read_header, whole_numbers
from aubench.compare.formats import FORMATS, SCALES, Format, Scale, recognise
from aubench.compare.video_matching import Place, find_place
from aubench.errors import UserError, did_you_mean
from aubench.parameters import INTENSITY_SCALE
from aubench.predict.record import details_of, processing_of
from aubench.results import KEYS, VALID

SUFFIXES = (".csv", ".tsv", ".txt")
LARGEST_OFFSET = 10**15
_KEY_COLUMNS = ("dataset", "subject", "sequence")


@dataclass(frozen=True)
class Options:
    """What the user declares of a source; None leaves it to the format."""

    format: str | None = None
    scale: Scale | None = None
    offset: int | None = None
    """Added to the tool's own frame numbers to get ours, which count from 0."""


@dataclass
class Imported:
    """A source that was read: its table, what it is, and what had to be done to it."""

    table: pd.DataFrame
    form: Format
    scale: Scale
    notes: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    """Of aubench's own tables: which models read the faces, as the records beside the tables say."""


def read_source(
    path: Path, places: Sequence[Place], options: Options | None = None, known: Mapping[str, Place] | None = None
) -> Imported:
    """Read one file, or all tables of a folder, of one tool. ``places`` are the videos of the truth.

    Raises :class:`UserError` that names file, line and value.
    """
    options = options or Options()
    form = _format(options.format)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{path}: no {', '.join(SUFFIXES)} file in this folder", code="file-empty")
    else:
        files = [path]
    counts: Counter[str] = Counter()
    parts: list[tuple[pd.DataFrame, Format]] = []
    strangers = []
    treated: Counter[str] = Counter()
    models: set[str] = set()
    for file in files:
        header = read_header(file, form.fits if form else lambda names: recognise(names) is not None)
        found = form or recognise(header.names)
        assert found is not None  # read_header's condition
        if parts and found.name != parts[0][1].name:
            raise UserError(
                f"{file}: looks like {found.name}, but {files[0]} like {parts[0][1].name}; one tool a source",
                code="table-invalid",
            )
        scale = options.scale or found.scale
        part = _read_file(header, found, scale, options, places, known, counts)
        if not len(part):
            strangers.append(file.name)
            continue
        parts.append((part, found))
        treated[processing_of(file)] += 1
        models.add(str(details_of(file).get("model", "")) if found.name == "aubench" else "")
    if not parts:
        subjects = ", ".join(dict.fromkeys(place.subject for place in places))
        raise UserError(
            f"{path}: no file name contains a subject of the truth ({subjects[:80]}); name files "
            "<subject>_<sequence>.csv, add the columns subject and sequence, or give --places FILE",
            code="table-mismatch",
        )
    table = pd.concat([part for part, _ in parts], ignore_index=True)
    form = parts[0][1]
    scale = options.scale or form.scale
    aus = [str(name) for name in table if name not in (*KEYS, VALID)]
    if form.name == "generic" and options.scale is None and not (table[aus].to_numpy(np.float64) > 1.0).any():
        raise UserError(
            f"{path}: no value is above 1, so that these may be probabilities; say which: --scale NAME=probability "
            "or --scale NAME=intensity",
            code="option-missing",
        )
    twice = table.duplicated(list(KEYS))
    if twice.any():
        row = table[list(KEYS)].to_numpy()[int(np.flatnonzero(twice)[0])]
        raise UserError(f"{path}: frame {'/'.join(map(str, row))} is in two files", code="table-invalid")
    notes = [f"{count} {what}" for what, count in counts.items() if count]
    notes += [
        f"not raw readings: {what}, by `aubench predict` ({count} of {treated.total()} files)"
        for what, count in treated.items()
        if what
    ]
    if strangers:
        notes.append(f"{len(strangers)} files of no subject of the truth left out ({', '.join(strangers[:3])})")
    table[aus] = table[aus].mask(~table[VALID])
    return Imported(table[[*KEYS, *aus, VALID]], form, scale, notes, sorted(filter(None, models)))


def _format(name: str | None) -> Format | None:
    if name is None:
        return None
    known = {form.name: form for form in FORMATS}
    if name not in known:
        raise UserError(f"no format {name!r}. {did_you_mean(name, known)}", code="option-invalid")
    return known[name]


def _read_file(
    header: Header, form: Format, scale: Scale, options: Options, places: Sequence[Place],
    known: Mapping[str, Place] | None, counts: Counter[str],
) -> pd.DataFrame:  # fmt: skip
    """One file's rows with a place in the truth; possibly none."""
    columns = form.columns(header.names)
    keys = {key: name for name in header.names if (key := name.lower()) in _KEY_COLUMNS}
    frame = next((name for name in form.frame if header.has(name)), None)
    extras = [
        form.video,
        form.success,
        form.confidence,
        *(form.area or ()),
        VALID,
        sensors.SENSOR if form.blank_rows else None,
    ]
    own = [name for name in extras if name and header.has(name)]
    wanted = [*keys.values(), *([frame] if frame else []), *own, *columns.values()]
    text = read_columns(header, wanted)
    values = {au: numbers(header, text, column, form.words) / form.divide for au, column in columns.items()}
    table = pd.DataFrame(values, index=text.index)
    if form.blank_rows:
        kept = sensors.of_the_face(header, text, table, frame, counts)
        text, table = text[kept], table[kept]
        if table.empty:
            raise UserError(f"{header.path}: no row holds a value of an action unit", code="table-invalid")
    _check_scale(header, text, table, columns, form, scale, counts)
    where = _places(header, text, keys, form, places, known)
    table["frame"] = _frames(header, text, form, frame, options.offset)
    table[VALID] = _valid(header, text, table[list(columns)], form, counts)
    for index, key in enumerate(_KEY_COLUMNS):
        table[key] = [None if place is None else place[index] for place in where]
    table = table[table["subject"].notna()]
    return _one_face(header, text.loc[table.index], table, form, counts) if len(table) else table


def _check_scale(
    header: Header, text: pd.DataFrame, table: pd.DataFrame, columns: Mapping[str, str], form: Format, scale: Scale,
    counts: Counter[str],
) -> None:  # fmt: skip
    """Refuse what is off the scale; clip where the tool is known to leave it a little."""
    highest = {"intensity": INTENSITY_SCALE, "probability": 1.0, "evidence": np.inf}[scale]
    if scale == "evidence":
        return
    off = (table < 0) | (table > highest)
    if form.clips:
        mild = off & (table > -highest) & (table < 2 * highest)
        counts[f"values clipped to 0..{highest:g}"] += int(mild.to_numpy().sum())
        table.mask(mild, table.clip(0, highest), inplace=True)
        off &= ~mild
    if not off.any(axis=None):
        return
    rows, places = np.nonzero(off.to_numpy())
    line, au = table.index[rows[0]], table.columns[places[0]]
    value = float(table.to_numpy(np.float64)[rows[0], places[0]])
    hint = ""
    if scale == "intensity" and value > highest:
        hint = "; a decimal comma lost in a spreadsheet makes 53 of 0.53: export the file again"
    elif scale == "probability" and value > 1.0:
        hint = "; if these are intensities, say --scale NAME=intensity"
    raise UserError(
        f"{header.path}, line {line}: {columns[au]} is {text.at[line, columns[au]]!r}: not in 0..{highest:g} "
        f"({scale}: {SCALES[scale]}){hint}",
        code="table-invalid",
    )


def _places(
    header: Header, text: pd.DataFrame, keys: Mapping[str, str], form: Format, places: Sequence[Place],
    known: Mapping[str, Place] | None,
) -> list[Place | None]:  # fmt: skip
    """The place of every row; None for a video that the truth does not hold."""
    if {"subject", "sequence"} <= set(keys):
        datasets = dict.fromkeys(place.dataset for place in places)
        if "dataset" in keys:
            column = text[keys["dataset"]]
        elif len(datasets) == 1:
            column = pd.Series(next(iter(datasets)), index=text.index)
        else:
            raise UserError(
                f"{header.path}: several data sets are compared, so that a column 'dataset' is needed",
                code="table-invalid",
            )
        rows = zip(column, text[keys["subject"]], text[keys["sequence"]], strict=True)
        return [Place(*map(str, row)) for row in rows]
    if form.video and header.has(form.video):
        # py-feat leaves the cell empty now and then; the row is then of the video that the file is named after.
        names = {name: find_place(name or str(header.path), places, known) for name in text[form.video].unique()}
        return [names[name] for name in text[form.video]]
    return [find_place(str(header.path), places, known)] * len(text)


def _frames(
    header: Header, text: pd.DataFrame, form: Format, frame: str | None, offset: int | None
) -> npt.NDArray[np.int64]:
    """0-based frame numbers; without a column of them, the rows in order, or the number in the name of a single row's
    file."""
    if offset is not None and abs(offset) > LARGEST_OFFSET:
        raise UserError(f"--frame-offset {offset}: no video is that long", code="option-invalid")
    if frame is None:
        digits = re.search(r"(\d{1,15})$", header.path.stem)
        first = (int(digits[1]) if len(text) == 1 and digits else 0) + (offset or 0)
        if first < 0:
            raise UserError(
                f"{header.path}: --frame-offset {offset} makes its first frame {first}, but frames count from 0",
                code="option-invalid",
            )
        return np.arange(first, first + len(text), dtype=np.int64)
    found = whole_numbers(header, text, frame) + (-form.origin if offset is None else offset)
    if (found < 0).any():
        line = text.index[int(np.flatnonzero(found < 0)[0])]
        raise UserError(
            f"{header.path}, line {line}: {frame} is {text.at[line, frame]!r}, but {form.tool} counts from "
            f"{form.origin}; say what to add with --frame-offset NAME=N",
            code="table-invalid",
        )
    return found


def _valid(
    header: Header, text: pd.DataFrame, table: pd.DataFrame, form: Format, counts: Counter[str]
) -> npt.NDArray[np.bool_]:
    """Which rows are readings of a face."""
    valid = table.notna().any(axis=1).to_numpy()
    column = next((name for name in (form.success, VALID) if name and name in text), None)
    if column:
        valid = valid & (numbers(header, text, column) >= 0.5)
    else:
        zeros = int(((table == 0).all(axis=1) & valid).sum())
        counts["rows all zero, with no column that says whether a face was found (kept)"] += zeros
    counts["rows without a face, which do not count"] += int((~valid).sum())
    return valid


def _one_face(
    header: Header, text: pd.DataFrame, table: pd.DataFrame, form: Format, counts: Counter[str]
) -> pd.DataFrame:
    """At most one row a frame: a valid one, of the highest confidence, then the largest; never one by chance."""
    if not table.duplicated(list(KEYS)).any():
        return table
    order = pd.DataFrame({VALID: ~table[VALID]}, index=table.index)
    if form.confidence and form.confidence in text:
        order["confidence"] = -np.nan_to_num(numbers(header, text, form.confidence))
    if form.area and all(name in text for name in form.area):
        order["area"] = -np.nan_to_num(np.prod([numbers(header, text, name) for name in form.area], axis=0))
    found = table[table[VALID]]
    if len(order.columns) == 1 and found.duplicated(list(KEYS)).any():
        line = found.index[int(np.flatnonzero(found.duplicated(list(KEYS)))[0])]
        raise UserError(
            f"{header.path}, line {line}: the same frame as on an earlier line, and nothing to choose by",
            code="table-invalid",
        )
    ranked = order.sort_values(list(order.columns), kind="stable").index
    kept = table.loc[ranked].drop_duplicates(list(KEYS)).sort_index()
    counts["rows of further faces in a frame left out (the most confident, then the largest, is kept)"] += len(
        table
    ) - len(kept)
    return kept

"""Which video of the truth a tool's file belongs to: by the names in its path, or as a table says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from aubench.compare.csv_reader import read_columns, read_header
from aubench.errors import UserError


class Place(NamedTuple):
    """One video of the truth."""

    dataset: str
    subject: str
    sequence: str

    def __str__(self) -> str:
        return "/".join(self)


def places_of(truth: pd.DataFrame) -> list[Place]:
    """Every video of a truth table, in its order."""
    rows = truth[["dataset", "subject", "sequence"]].drop_duplicates()
    return [Place(*map(str, row)) for row in rows.itertuples(index=False)]


def find_place(video: str, places: Sequence[Place], known: Mapping[str, Place] | None = None) -> Place | None:
    """The place that a file or video name stands for; None if it is of no subject of the truth.

    ``known`` (file names to places, from :func:`read_places`) comes first. Else the subject has to be in the path
    ("LeftVideoSN001_comp.csv", "F001/T1.csv"), and the sequence too where the subject has several. Raises
    :class:`UserError` where that leaves several.
    """
    path = PurePosixPath(video.replace("\\", "/"))
    if known:
        return known.get(path.name) or known.get(path.stem)
    if len(places) == 1:
        return places[0]
    text = str(path.with_suffix("")).lower()
    found = [place for place in places if _subject(place.subject).search(text)]
    subjects = {(place.dataset, place.subject) for place in found}
    if len(found) > 1:
        narrowed = [p for p in found if _sequence(p.sequence).search(_subject(p.subject).sub("/", text))]
        if not narrowed and len(subjects) == 1:
            raise UserError(
                f"{video}: subject {found[0].subject} has {len(found)} sequences and the name tells none of them; "
                "name files <subject>_<sequence>.csv, or give --places FILE",
                code="name-ambiguous",
            )
        found = narrowed
    if len(found) > 1:
        raise UserError(
            f"{video}: could be {', '.join(map(str, found[:3]))}; name files <subject>_<sequence>.csv, or give "
            "--places FILE with the columns file,subject,sequence",
            code="name-ambiguous",
        )
    return found[0] if found else None


def _subject(name: str) -> re.Pattern[str]:
    before = r"(?<!\d)" if name[:1].isdigit() else ""
    after = r"(?!\d)" if name[-1:].isdigit() else r"(?![a-z])"
    return re.compile(before + re.escape(name.lower()) + after)


def _sequence(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9a-z]){re.escape(name.lower())}(?![0-9a-z])")


def read_places(path: Path, places: Sequence[Place]) -> dict[str, Place]:
    """A table file,subject,sequence[,dataset] as file names (with and without suffix) to places.

    Raises :class:`UserError` for one that is not in the truth, or a file named twice.
    """
    header = read_header(path, lambda names: {"file", "subject", "sequence"} <= set(names))
    columns = ["file", "subject", "sequence", *(["dataset"] if header.has("dataset") else [])]
    table = read_columns(header, columns)
    known: dict[str, Place] = {}
    for line, row in table.iterrows():
        same = [p for p in places if (p.subject, p.sequence) == (row["subject"], row["sequence"])]
        same = [p for p in same if row.get("dataset", p.dataset) == p.dataset]
        if len(same) != 1:
            raise UserError(
                f"{path}, line {line}: {row['subject']}/{row['sequence']} is not one video of the truth",
                code="table-mismatch",
            )
        name = PurePosixPath(row["file"].replace("\\", "/"))
        for key in {name.name, name.stem}:
            if known.get(key, same[0]) != same[0]:
                raise UserError(f"{path}, line {line}: {key} already stands for {known[key]}", code="table-invalid")
            known[key] = same[0]
    return known

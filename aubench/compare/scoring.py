"""Methods on the frames of one data set: aligned, masked, scored per AU with intervals, seeds averaged."""

from __future__ import annotations

import statistics as plain_statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aubench import metrics, statistics
from aubench.compare.method import Method
from aubench.compare.protocol import describe, fingerprint
from aubench.compare.schema import MethodRow, ScoringProtocol, SeedScores
from aubench.errors import UserError
from aubench.parameters import INTENSITY_SCALE
from aubench.results import KEYS, VALID, aligned, au_columns
from aubench.scores import MetricScores, metric_scores
from aubench.statistics import Array, Metric, SubjectSums

SCALED = ("icc31", "icc21", "mae", "mse", "ccc")
"""Metrics that mean nothing between intensities and numbers of another scale. A correlation does."""
SHOWN: tuple[Metric, ...] = ("icc31", "mae")
SPANS = 5
"""So many places of missing frames are named."""


@dataclass(frozen=True)
class FrameCounts:
    """What became of the frames of the truth and of a method's predictions: see :class:`MethodRow`."""

    frames: int = 0
    invalid: int = 0
    missing: int = 0
    surplus: int = 0
    missing_at: tuple[str, ...] = ()
    not_annotated: tuple[str, ...] = ()


@dataclass
class MethodScores:
    """A method on one data set. ``values``: one table (n, a) for each seed, in the order of the truth, NaN outside of
    ``mask`` (n, a); ``sums`` the same, condensed."""

    method: Method
    values: list[Array]
    mask: npt.NDArray[np.bool_]
    counts: FrameCounts
    sums: list[SubjectSums] = field(default_factory=list)
    _protocol: ScoringProtocol | None = None

    @property
    def protocol(self) -> ScoringProtocol:
        """What it is scored on; set by :func:`finish`."""
        assert self._protocol is not None
        return self._protocol

    @property
    def comparable(self) -> bool:
        """Whether it has intensities to compare: its own, or rescaled as the user stated."""
        return self.method.scale == "intensity" or self.method.rescale is not None

    @property
    def hash(self) -> str:
        return fingerprint(self.protocol)


@dataclass
class ScoreMatrix:
    """A data set's truth in fixed order, and what is scored on it."""

    dataset: str
    truth: pd.DataFrame
    digest: str
    aus: list[str]
    scored: list[MethodScores]

    @property
    def values(self) -> Array:
        return self.truth[self.aus].to_numpy(np.float64)

    @property
    def subjects(self) -> npt.NDArray[np.str_]:
        return self.truth["subject"].to_numpy(str)


def score_matrix(
    dataset: str, truth: pd.DataFrame, digest: str, methods: Sequence[Method], *, common_aus: bool, common_frames: bool
) -> ScoreMatrix:
    """Align every method with the truth; ``common_*``: score on what all of them have, instead of each on its own.

    Raises :class:`UserError` if that leaves nothing, or a method has none of the annotated AUs.
    """
    truth = truth[truth["dataset"] == dataset].sort_values(list(KEYS)).reset_index(drop=True)
    aus = [au for au in au_columns(truth) if truth[au].notna().any()]
    truth = truth[[*KEYS, *aus]]
    scored = [_align(method, truth, aus) for method in methods]
    if common_aus:
        kept = [i for i in range(len(aus)) if all(s.mask[:, i].any() for s in scored)]
        if not kept:
            raise UserError(
                f"{dataset}: no AU is predicted by every method; leave --missing-aus at nan", code="nothing-to-compare"
            )
        aus = [aus[i] for i in kept]
        truth = truth[[*KEYS, *aus]]
        for s in scored:
            s.mask, s.values = s.mask[:, kept], [v[:, kept] for v in s.values]
    if common_frames:
        # A method's frames are those it has a reading of; AUs that it never predicts do not make it lack frames.
        rows = np.all([s.mask.any(axis=1) for s in scored], axis=0)
        if not rows.any():
            raise UserError(
                f"{dataset}: no frame is predicted by every method; leave --missing-frames at nan",
                code="nothing-to-compare",
            )
        for s in scored:
            s.mask = s.mask & rows[:, None]
    found = ScoreMatrix(dataset, truth, digest, aus, scored)
    for s in scored:
        finish(found, s)
    return found


def finish(found: ScoreMatrix, scored: MethodScores) -> MethodScores:
    """Fill in what follows from values and mask."""
    known = ~np.isnan(found.values)
    scored.mask = scored.mask & known
    scored.values = [np.where(scored.mask, v, np.nan) for v in scored.values]
    subjects = found.subjects.tolist()
    scored.sums = [statistics.subject_sums(found.values, v, subjects) for v in scored.values]
    scale = "intensity" if scored.comparable else scored.method.scale
    person = scored.method.person
    scored._protocol = describe(found.dataset, found.digest, found.subjects, found.aus, scored.mask, scale, person)
    return scored


def _align(method: Method, truth: pd.DataFrame, aus: list[str]) -> MethodScores:
    values: list[Array] = []
    counts: FrameCounts | None = None
    dataset = str(truth["dataset"].iloc[0])
    for member in method.members:
        own = member.table[member.table["dataset"] == dataset]
        if not set(aus) & set(au_columns(own)):
            raise UserError(
                f"{member.name}: has {', '.join(au_columns(own)) or 'no AU'}, none of which {dataset} annotates "
                f"({', '.join(aus)})",
                code="table-mismatch",
            )
        try:
            table, found = aligned(truth, own)
        except UserError as error:
            raise UserError(f"{member.name}: {error}", code=error.code) from error
        if counts is None:  # those of the first seed
            ignored = tuple(au for au in au_columns(own) if au not in aus)
            lost = {key: found[key] for key in ("frames", "invalid", "missing", "surplus")}
            counts = FrameCounts(**lost, missing_at=tuple(_missing_at(truth, own)), not_annotated=ignored)
        values.append(table.to_numpy(np.float64) * (method.rescale or 1.0))
    if method.rescale is not None and max(float(np.nanmax(v, initial=0.0)) for v in values) > INTENSITY_SCALE + 1e-9:
        raise UserError(
            f"{method.name}: rescaled by {method.rescale:g}, some values are above {INTENSITY_SCALE:g}",
            code="option-invalid",
        )
    mask = np.all([~np.isnan(v) for v in values], axis=0)
    return MethodScores(method, values, mask, counts or FrameCounts())


def _missing_at(truth: pd.DataFrame, own: pd.DataFrame) -> list[str]:
    """Where frames of the truth are missing or not valid: "SN001/a: 12 frames (0..11)", the largest gaps first."""
    valid = own[own[VALID].astype(bool)] if VALID in own else own
    rows = truth[list(KEYS)].merge(valid[list(KEYS)].astype({"frame": "int64"}), how="left", indicator="side")
    lost = rows[rows["side"] == "left_only"]
    spans = [(len(p), f"{s}/{q}: {len(p)} frames ({p['frame'].min()}..{p['frame'].max()})")
             for (s, q), p in lost.groupby(["subject", "sequence"])]  # fmt: skip
    spans.sort(key=lambda span: -span[0])
    named = [text for _, text in spans[:SPANS]]
    return [*named, f"and {len(spans) - SPANS} more videos"] if len(spans) > SPANS else named


# --- a row of the table -----------------------------------------------------------------------------------------------


def row(found: ScoreMatrix, scored: MethodScores, times: Array) -> MethodRow:
    """Everything that the table says of a method.

    ``times`` (r, s) says how often each subject is in each resample. Group, marks and gap to the best are left out:
    they depend on the other rows.
    """
    method = scored.method
    scale_note = _scale_note(method)
    seeds = []
    for member, values in zip(method.members, scored.values, strict=True):
        scores = metrics.per_au(found.values, values, found.aus)
        means = metrics.mean_over_aus(scores)
        refused = () if scored.comparable else SCALED
        by_au = {au: metric_scores(s, refused) for au, s in scores.items()}
        seeds.append((member, by_au, metric_scores(means, refused)))
    aus = {au: _over_seeds([one[1][au] for one in seeds]) for au in found.aus}
    mean = _over_seeds([one[2] for one in seeds])
    mean.note = "; ".join(filter(None, (scale_note, mean.note)))
    counts, used = scored.counts, scored.mask.any(axis=1)
    out = MethodRow(
        name=method.name,
        label=method.label,
        kind=method.kind,
        scale=method.scale,
        rescale=method.rescale,
        labels=method.labels,
        overlap=method.overlap.get(found.dataset, method.overlap_else),
        mean=mean,
        aus=aus,
        missing_aus=[au for i, au in enumerate(found.aus) if not scored.mask[:, i].any()],
        frames=counts.frames,
        scored=int(used.sum()),
        invalid=counts.invalid,
        missing=counts.missing,
        surplus=counts.surplus,
        missing_at=list(counts.missing_at),
        not_annotated=list(counts.not_annotated),
        subjects=scored.protocol.subjects,
        sequences=int(found.truth[used].groupby(["subject", "sequence"]).ngroups),
        protocol=scored.hash,
        notes=[*method.notes, *([scale_note] if scale_note else [])],
        facts=method.facts,
        seeds=[
            SeedScores(name=m.name, folder=m.folder, seed=m.seed, icc31=own.icc31, mae=own.mae) for m, _, own in seeds
        ],
        interval=None,
    )
    if method.kind == "run" and len(seeds) == 1:
        out.folder = method.members[0].folder
    if scored.comparable:
        _add_intervals(out, found, scored, times)
    return out


def _add_intervals(out: MethodRow, found: ScoreMatrix, scored: MethodScores, times: Array) -> None:
    """Fill in the intervals of a row, per AU and of the means."""
    seen = [people(found, scored.mask[:, i]) for i in range(len(found.aus))]
    for metric in SHOWN:
        samples = [statistics.bootstrap(s, metric, times) for s in scored.sums]
        per_au = np.mean(samples, axis=0)
        for i, au in enumerate(found.aus):
            setattr(out.aus[au], f"{metric}_interval", statistics.interval(per_au[:, i], people=seen[i]))
        whole = seed_mean([statistics.mean_over_aus(s) for s in samples])
        ends = statistics.interval(whole, people=out.subjects)
        setattr(out, "interval" if metric == "icc31" else f"{metric}_interval", ends)
    out.interval_note = few(out.subjects)


def people(found: ScoreMatrix, mask: npt.NDArray[np.bool_]) -> int:
    """How many people have a frame in ``mask``, (n,) or (n, a)."""
    return len(np.unique(found.subjects[mask.reshape(len(mask), -1).any(axis=1)]))


def few(count: int) -> str:
    """Why there is no interval over ``count`` people; empty where they are enough."""
    if count >= statistics.MIN_PEOPLE:
        return ""
    return f"no interval over {count} {'person' if count == 1 else 'people'}: it needs {statistics.MIN_PEOPLE}"


def seed_mean(samples: Sequence[Array], seed: int = 1) -> Array:
    """Bootstrap samples of several seeds (one table (draws,) each, on the same draws) as samples of the method: in
    every draw the seeds are drawn with replacement too, so that the interval covers both people and training."""
    stacked = np.stack(samples)
    if len(stacked) == 1:
        return np.asarray(stacked[0])
    picks = np.random.default_rng(seed).integers(0, len(stacked), size=stacked.shape)
    return np.asarray(np.take_along_axis(stacked, picks, axis=0).mean(axis=0))


def _scale_note(method: Method) -> str:
    if method.rescale is not None:
        return f"{method.scale} times {method.rescale:g}, as stated by the user"
    if method.scale != "intensity":
        return f"on the scale '{method.scale}': ICC and errors are refused, as no rescale was stated"
    return ""


def _over_seeds(entries: Sequence[MetricScores]) -> MetricScores:
    """The mean of each score over the seeds, and its spread: the score of a seed, never that of averaged answers."""
    if len(entries) == 1:
        return entries[0].model_copy()
    out: dict[str, Any] = {}
    for name in metrics.METRICS:
        defined = [value for e in entries if (value := e.value(name)) is not None]
        # A seed without a score (a constant answer on constant truth) must not vanish from the mean.
        whole = len(defined) == len(entries)
        out[name] = plain_statistics.mean(defined) if whole else None
        out[f"{name}_sd"] = plain_statistics.stdev(defined) if whole else None
    notes = dict.fromkeys(e.note for e in entries if e.note)
    return MetricScores(**out, n=entries[0].n, note="; ".join(notes))

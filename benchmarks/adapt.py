"""What adapting to unlabelled recordings (`aubench adapt`) changes for people whom neither the model nor the adaptation
has seen.

    AUBENCH_ASSET_ICT=DIR python benchmarks/adapt.py --out reports/adapt --seeds 2,3,4 [--run runs/mine]
    AUBENCH_ASSET_ICT=DIR python benchmarks/adapt.py --out /tmp/sweep --seeds 1 --sweep

Draws 18 people of 16 frames for each engine, gap and seed (data set ``synth`` with ``gap``). The model is adapted on
frames of the 12 training people, without their labels, and scored on the 6 test people before and after: ICC(3,1) and
MAE, means over the 14 AUs, reading every frame by itself (raw) and against each person's calm frames (person). Trials:
1, 3, 6 and 12 people; 6 people of 5 frames each; 12 people without a calm frame; and one person's frames counted as 6
people by mistake. ``--sweep`` compares weights of the shrinkage, with and without the spread, in their place. Settings
that ``adapt.json`` already holds of the same model are not computed again. Seed 1 is for development.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aubench.adapt.look import Seen
from aubench.adapt.measures import Views, disturbed, mirrored
from aubench.adapt.run import FEWEST_PEOPLE, HALF_PEOPLE, MOST_WEIGHT, moved_towards
from aubench.combination import Combination, as_image, load_shipped
from aubench.contracts import Features
from aubench.data.labels import open_labels
from aubench.device import cpu_name
from aubench.discovery import build
from aubench.metrics import icc_3_1
from aubench.parameters import au_index
from aubench.parameters import intensity as intensities
from aubench.person import find_person, read_aus
from aubench.quick import quicken
from aubench.standardisation import Moments

Array = npt.NDArray[np.floating[Any]]
SETS = {
    "18x16": {"subjects": 18, "sequences": 2, "frames_per_sequence": 8, "stride": 40},
    "12x60": {"subjects": 12, "sequences": 2, "frames_per_sequence": 30, "stride": 10},
}
"""Who is drawn; the second are the people of ``benchmarks/gap.py``, of whose frames every third is read."""
THINNED = {"18x16": 1, "12x60": 3}
VIEWS_EACH = 4
WEIGHTS = (0.15, 0.25, 0.35, 0.5, 1.0)


@dataclass
class Setting:
    """Features of all frames of one engine, gap and seed, with the ``truth`` (n, 14) for scoring only."""

    features: Features
    truth: Array
    subject: npt.NDArray[np.str_]
    train: list[str]
    columns: list[int]
    views: dict[str, Views]

    def rows(self, people: list[str]) -> npt.NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.subject, people))

    @property
    def test(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(~np.isin(self.subject, self.train))

    def moments(self, rows: npt.NDArray[np.intp]) -> Moments:
        return Moments.of([self.features[torch.from_numpy(rows)].each(torch.Tensor.float)])

    def seen(self, groups: list[npt.NDArray[np.intp]], people: list[str]) -> Seen:
        """As if ``groups`` of rows were the recordings."""
        moments = [self.moments(rows) for rows in groups]
        parts = [self.views[name] for name in people]
        joined = (Features.cat([getattr(p, name) for p in parts]) for name in ("plain", "mirrored", "disturbed"))
        order = np.concatenate([np.full(len(p.groups), i) for i, p in enumerate(parts)])
        return Seen(moments, Views(*joined, order), 0, "")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--run", type=Path)
    ask.add_argument("--seeds", default="2,3,4")
    ask.add_argument("--engines", default="bdfm,ict")
    ask.add_argument("--gaps", default="0,0.5,1")
    ask.add_argument("--sweep", action="store_true")
    ask.add_argument("--set", default="18x16", choices=list(SETS), help="12x60: those of benchmarks/gap.py, 8 to train")
    ask.add_argument("--keep", type=Path, help="a folder to keep features in, 60 MB a setting, for another call")
    given = ask.parse_args()
    model = Combination.load(given.run) if given.run else load_shipped()
    facts: dict[str, Any] = {
        "command": "python benchmarks/adapt.py "
        + f"--seeds {given.seeds}" * (given.seeds != "2,3,4") + " --sweep" * given.sweep
        + f" --set {given.set}" * (given.set != "18x16"),
        "commit": _commit(), "machine": cpu_name(), "model": str(given.run or "shipped"),
        "model_digest": model.person_digest, "people": SETS[given.set],
        "constants": {"half_people": HALF_PEOPLE, "most_weight": MOST_WEIGHT, "fewest_people": FEWEST_PEOPLE},
        "results": _known(given.out / "adapt.json", model.person_digest, SETS[given.set]),
    }  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in map(int, given.seeds.split(",")):
        for engine in given.engines.split(","):
            for gap in map(float, given.gaps.split(",")):
                place = {"engine": engine, "gap": gap, "seed": seed}
                if any(place.items() <= row.items() for row in facts["results"]):
                    continue
                options = {"engine": engine, "size": model.size, "gap": gap, "seed": seed, **SETS[given.set]}
                setting = kept(given.keep, model, options, THINNED[given.set])
                for row in (sweep if given.sweep else trials)(model, setting):
                    facts["results"].append({**place, **row})
                    print(json.dumps(facts["results"][-1]), flush=True)
                (given.out / "adapt.json").write_text(json.dumps(facts, indent=1) + "\n")
    (given.out / "adapt.md").write_text(markdown(facts))
    print(markdown(facts))


def kept(folder: Path | None, model: Combination, options: dict[str, Any], thinned: int) -> Setting:
    """The setting of these options, read now or taken from what an earlier call kept."""
    if folder is None:
        return read_setting(model, build("dataset", "synth", options), thinned)
    name = (
        "-".join(str(options[key]) for key in ("engine", "gap", "seed", "subjects"))
        + f"-{model.extractor_digest[:12]}.pt"
    )
    path = folder / name
    if path.is_file():
        made: Setting = torch.load(path, weights_only=False)  # of our own making
        return made
    made = read_setting(model, build("dataset", "synth", options), thinned)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(made, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    return made


@torch.inference_mode()
def read_setting(model: Combination, data: Any, thinned: int) -> Setting:
    """Features of all frames, half precision, and of mirrored and disturbed pictures of a few of each person."""
    frames = [data.frames(split) for split in ("train", "test")]
    images = np.concatenate([np.asarray(part.images)[::thinned] for part in frames])
    subject = np.concatenate([part.subject[::thinned] for part in frames])
    reader = quicken(model)

    def extract(pictures: npt.NDArray[np.uint8], view: Any = lambda tensor: tensor) -> Features:
        batches = (as_image(pictures[i : i + 16]) for i in range(0, len(pictures), 16))
        return Features.cat([reader.extractor.features(view(b)).each(torch.Tensor.half) for b in batches])

    features = extract(images)
    views = {}
    for name in np.unique(frames[0].subject):
        own = np.flatnonzero(subject == name)
        some = own[np.linspace(0, len(own) - 1, VIEWS_EACH).round().astype(int)]
        views[str(name)] = Views(
            features[torch.from_numpy(some)], extract(images[some], mirrored), extract(images[some], disturbed),
            np.zeros(len(some), np.int64),
        )  # fmt: skip
    truth = np.concatenate([open_labels(data, split)[::thinned] for split in ("train", "test")])
    train = [str(name) for name in dict.fromkeys(frames[0].subject)]
    return Setting(features, truth, subject, train, [au_index(name) for name in data.aus], views)


@torch.inference_mode()
def score(model: Combination, setting: Setting) -> dict[str, float]:
    """ICC(3,1) and MAE on the test people, read frame by frame and against each person's calm frames."""
    rows = setting.test
    features = model.standardiser(setting.features[torch.from_numpy(rows)].each(torch.Tensor.float), "photo")
    raw = model.regressor(features).intensities().numpy()
    read = {"raw": raw}
    if model.reads_persons:
        entries, read["person"] = model.regressor.entry(features).numpy(), raw.copy()
        for name in np.unique(setting.subject[rows]):
            own = np.flatnonzero(setting.subject[rows] == name)
            person = find_person(model.regressor, entries[own], raw[own], "")
            if person is not None:
                read["person"][own] = intensities(read_aus(model.regressor, entries[own], person.neutral))
    truth, out = setting.truth[rows], {}
    for name, values in read.items():
        values = values[:, setting.columns]
        out[f"{name}_icc"] = float(np.nanmean([icc_3_1(truth[:, k], values[:, k]) for k in range(truth.shape[1])]))
        out[f"{name}_mae"] = float(np.abs(truth - values).mean())
    return {name: round(value, 4) for name, value in out.items()}


def trials(model: Combination, setting: Setting) -> Iterator[dict[str, Any]]:
    """Scores without adaptation, then of each trial."""
    before = score(model, setting)
    yield {"trial": "not adapted", "people": 0, **before}
    train = setting.train
    own = {name: setting.rows([name]) for name in train}
    restless = {name: _restless(setting, rows) for name, rows in own.items()}
    few = {name: rows[np.linspace(0, len(rows) - 1, 5).round().astype(int)] for name, rows in own.items()}
    chosen = [
        *((f"{n} people" if n > 1 else "1 person", train[first : first + n], own, n)
          for n, firsts in ((1, (0, 4, 8)), (3, (0, 3, 6, 9)), (6, (0, 6)), (12, (0,))) for first in firsts),
        ("6 people, 5 frames each", train[:6], few, 6), ("3 people, no calm frames", train[:3], restless, 3),
        ("12 people, no calm frames", train, restless, 12),
    ]  # fmt: skip
    for name, people, rows, count in chosen:
        if len(people) < min(count, 12):  # a set with fewer people to train on
            continue
        yield _trial(model, setting, name, [rows[person] for person in people], people, count)
    for person in train[::6]:
        parts = np.array_split(own[person], 3)
        yield _trial(model, setting, "1 person, taken for 6", [*parts, *parts], [person], 6)


def _trial(
    model: Combination,
    setting: Setting,
    name: str,
    groups: list[npt.NDArray[np.intp]],
    people: list[str],
    count: int,
) -> dict[str, Any]:
    """What the product does; below the fewest people, what it would do if it did not refuse is scored and marked."""
    adapted = moved_towards(model, setting.seen(groups, people), count)
    facts = adapted.facts
    return {
        "trial": name, "people": count, "first": people[0], "refused": count < FEWEST_PEOPLE, "moved": adapted.moved,
        "weight": facts["weight"], "distance": facts["distance"]["fused"]["mean"],
        **{f"{key}_{when}": facts[when][key] for when in ("before", "after")
           for key in ("mirror", "jitter", "at_five", "calm_mean")},
        **score(adapted.model, setting),
    }  # fmt: skip


def sweep(model: Combination, setting: Setting) -> Iterator[dict[str, Any]]:
    """Scores for each weight, with the mean alone and with the spread, for 1, 3, 6 and 12 people."""
    yield {"trial": "not adapted", "people": 0, **score(model, setting)}
    for count in [n for n in (1, 3, 6, 12) if n <= len(setting.train)]:
        for first in range(0, len(setting.train) - count + 1, max(count, 3)):
            people = setting.train[first : first + count]
            moments = Moments.balanced([setting.moments(setting.rows([name])) for name in people])
            for spread in (False, True):
                for weight in WEIGHTS:
                    other = copy.copy(model)
                    other.standardiser = copy.deepcopy(model.standardiser)
                    other.standardiser.move("photo", moments, weight)
                    if spread:  # by the same weight, between logarithms
                        own = {f"photo_{k}_spread": moments.spread(k) for k in other.standardiser.names}
                        old = model.standardiser.state_dict()
                        both = {k: (old[k] ** (1 - weight) * own[k] ** weight).float() for k in own}
                        other.standardiser.load_state_dict(both, strict=False)
                    name = f"weight {weight:g}, " + ("mean and spread" if spread else "mean")
                    yield {"trial": name, "people": count, "first": people[0], **score(other, setting)}


def _restless(setting: Setting, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The half of a person's frames in which most moves, by the truth."""
    return rows[np.argsort(setting.truth[rows].sum(axis=1), kind="stable")[len(rows) // 2 :]]


def markdown(facts: dict[str, Any]) -> str:
    """A row for each engine, gap and trial: means over seeds and draws of people, and the smallest change."""
    results = facts["results"]
    base = {(r["engine"], r["gap"], r["seed"]): r for r in results if r["trial"] == "not adapted"}
    ways = ("raw", "person")
    heads = [f"{way} {what}" for way in ways for what in ("ICC before", "change", "smallest change", "change of MAE")]
    lines = [
        f"Command: `AUBENCH_ASSET_ICT=DIR {facts['command']} --out DIR`; commit {facts['commit']}; "
        f"{facts['machine']}; model {facts['model_digest'][:12]}; weight {MOST_WEIGHT:g} n / (n + {HALF_PEOPLE:g}). "
        "ICC(3,1) and MAE of the adapted model less those of the model; means, and the smallest, over seeds and people "
        "adapted on. Unchanged: how often the measures without labels got worse and the model was left as it was.",
        "",
        f"| engine | gap | adapted on | {' | '.join(heads)} | unchanged |",
        f"|---|---:|---|{'---:|' * (len(heads) + 1)}",
    ]
    keys = dict.fromkeys((r["engine"], r["gap"], r["people"], r["trial"]) for r in results if r["people"])
    for engine, gap, people, trial in sorted(keys, key=lambda k: (k[0], k[1])):
        rows = [r for r in results if (r["engine"], r["gap"], r["people"], r["trial"]) == (engine, gap, people, trial)]
        cells = []
        for way in ways:
            if f"{way}_icc" not in rows[0]:
                cells += ["", "", "", ""]
                continue
            one = [base[engine, gap, r["seed"]] for r in rows]
            icc = np.array([r[f"{way}_icc"] - b[f"{way}_icc"] for r, b in zip(rows, one, strict=True)])
            mae = np.array([r[f"{way}_mae"] - b[f"{way}_mae"] for r, b in zip(rows, one, strict=True)])
            before = np.mean([b[f"{way}_icc"] for b in one])
            cells += [f"{before:.3f}", f"{icc.mean():+.3f}", f"{icc.min():+.3f}", f"{mae.mean():+.3f}"]
        name = trial if trial.endswith("frames") or "person" in trial or "each" in trial else f"{people} people"
        name = f"{people} {'people' if people > 1 else 'person'}, {trial}" if trial.startswith("weight") else name
        name += " (refused; forced here)" if rows[0].get("refused") else ""
        left = f"{sum(not r['moved'] for r in rows)} of {len(rows)}" if "moved" in rows[0] else ""
        lines.append(f"| {engine} | {gap:g} | {name} | " + " | ".join(cells) + f" | {left} |")
    return "\n".join(lines) + "\n"


def _known(path: Path, digest: str, people: dict[str, int]) -> list[dict[str, Any]]:
    """What an interrupted call left, if it is of the same model and constants."""
    if not path.is_file():
        return []
    facts = json.loads(path.read_text())
    constants = {"half_people": HALF_PEOPLE, "most_weight": MOST_WEIGHT, "fewest_people": FEWEST_PEOPLE}
    same = facts["model_digest"] == digest and facts["people"] == people and facts["constants"] == constants
    results: list[dict[str, Any]] = facts["results"] if same else []
    return results


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()

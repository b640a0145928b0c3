"""ROC AUC of occurrence: sklearn's numbers, any scale, a table of its own, undefined where it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusals import assert_refused, refused
from sklearn.metrics import roc_auc_score

from aubench.cli import main
from aubench.compare import comparison, html, latex, markdown, occurrence, tables
from aubench.compare.method import Member, Method
from aubench.compare.runs import digest
from aubench.compare.schema import Comparison

AUS = ["AU04", "AU06", "AU12"]


def truth() -> pd.DataFrame:
    table = pd.DataFrame({"dataset": "mine", "subject": np.repeat(["A", "B", "C", "D"], 50),
                          "sequence": "s", "frame": np.tile(np.arange(50), 4)})  # fmt: skip
    table[AUS] = np.clip(np.round(np.random.default_rng(0).normal(0.5, 1.8, (200, 3))), 0, 5)
    table["AU04"] = np.minimum(table["AU04"], 1.0)  # there, but never at level 2
    table.loc[:9, "AU12"] = np.nan
    return table


def method(name: str, scale: Any = "intensity", seeds: int = 1, factor: float = 1.0) -> Method:
    members = []
    for seed in range(seeds):
        table = truth().fillna(0.0)
        noise = np.random.default_rng([len(name), seed]).normal(0, 1, (200, 3))
        table[AUS] = factor * np.clip(table[AUS] + noise, 0, 5)
        members.append(Member(f"{name}{seed}", table.assign(valid=True), None, seed))
    return Method(name, name, "run", members, scale=scale)


def compare(*methods: Method, **settings: Any) -> dict[str, Any]:
    truths = {"mine": comparison.Truth(truth(), digest(truth(), "mine"))}
    return comparison.compare(methods, truths, comparison.Settings(draws=100, **settings))[0].to_dict()


def expected(of: Method, au: str, threshold: float, member: int = 0) -> float:
    known = truth()[au].notna()
    return float(roc_auc_score(truth()[au][known] >= threshold, of.members[member].table[au][known]))


def test_equals_sklearn_and_is_undefined_where_it_is() -> None:
    steps = method("steps")
    found = compare(steps)["datasets"]["mine"]["occurrence"]
    (row,) = found["rows"]
    for au in ("AU06", "AU12"):
        assert row["aus"][au]["auc"] == pytest.approx(expected(steps, au, 2.0))
    assert row["aus"]["AU04"] == {"auc": None, "n": 200, "positives": 0, "note": "undefined: no frame has it"}
    assert row["aus"]["AU12"]["n"] == 190
    assert row["mean"]["auc"] == pytest.approx(np.mean([row["aus"][au]["auc"] for au in ("AU06", "AU12")]))
    assert (row["mean"]["n"], row["mean"]["note"]) == (2, "without AU04")
    assert found["positives"]["AU04"] == 0
    lower = compare(steps, occurs_from=1.0)["datasets"]["mine"]["occurrence"]
    assert lower["rows"][0]["aus"]["AU04"]["auc"] == pytest.approx(expected(steps, "AU04", 1.0))


def test_a_probability_meets_intensities_here_and_nowhere_else() -> None:
    here = compare(method("steps"), method("likely", "probability", factor=0.2))["datasets"]["mine"]
    rows = {row["name"]: row for row in here["rows"]}
    assert rows["likely"]["mean"]["icc31"] is None
    assert rows["likely"]["mean"]["mae"] is None
    assert rows["likely"]["group"] != rows["steps"]["group"]
    assert here["tests"]["pairs"] == []
    found = here["occurrence"]
    assert [group["rows"] for group in found["groups"]] == [[row["name"] for row in found["rows"]]]
    assert {row["name"] for row in found["rows"]} == {"steps", "likely"}, "constants have no order"
    assert sorted(row["marks"]["mean"] for row in found["rows"]) in ([1, 2], [1, 1])
    for row in here["rows"]:
        assert "auc" not in row["mean"]
        assert set(row.get("marks", {})) == {"icc31", "mae"}


def test_evidence_of_any_size_has_an_order() -> None:
    evidence = method("evidence", "evidence")
    evidence.members[0].table[AUS] = 100 * evidence.members[0].table[AUS] - 300
    found = compare(evidence, method("steps"))["datasets"]["mine"]["occurrence"]
    (row,) = [r for r in found["rows"] if r["name"] == "evidence"]
    assert row["aus"]["AU06"]["auc"] == pytest.approx(expected(evidence, "AU06", 2.0))


def test_seeds_are_averaged_scores() -> None:
    several = method("several", seeds=3)
    (row,) = compare(several)["datasets"]["mine"]["occurrence"]["rows"]
    areas = [expected(several, "AU06", 2.0, member) for member in range(3)]
    assert row["aus"]["AU06"]["auc"] == pytest.approx(np.mean(areas))
    assert row["aus"]["AU06"]["auc_sd"] == pytest.approx(np.std(areas, ddof=1))
    assert row["seeds"] == 3


def test_other_frames_are_ranked_apart() -> None:
    short = method("short")
    table = short.members[0].table
    short.members = [Member("short", table[table["subject"] != "B"])]
    done = compare(method("a"), method("b", "probability", factor=0.2), short)
    found = done["datasets"]["mine"]["occurrence"]
    assert [sorted(group["rows"]) for group in found["groups"]] == [["a", "b"], ["short"]]
    assert "150 frames instead of 200" in found["groups"][1]["differs"]
    (row,) = [r for r in found["rows"] if r["name"] == "short"]
    assert row["marks"] == {}
    page = markdown.page(Comparison.model_validate(done))
    assert "150 frames instead of 200" in page[page.index("### Is it there?") :]


def test_every_output_has_the_table() -> None:
    done = compare(method("steps"), method("likely", "probability", factor=0.2))
    area = done["datasets"]["mine"]["occurrence"]["rows"][0]["mean"]["auc"]
    lines = pd.DataFrame(
        [line.split(",") for line in tables.tidy(Comparison.model_validate(done)).splitlines() if ",auc," in line]
    )
    assert len(lines) == 2 * 4
    page = html.page(Comparison.model_validate(done), {})
    assert 'id="mine-occurrence"' in page
    assert ">undefined</abbr>" in page
    for text in (page, markdown.page(Comparison.model_validate(done))):
        assert f"{area:.3f}" in text
        assert "Area under the ROC curve" in text
    assert tables.short(area) in latex.document(Comparison.model_validate(done))
    assert "undefined" in markdown.page(Comparison.model_validate(done))


@pytest.mark.parametrize("threshold", [0.0, -1.0, 5.5, math.nan])
def test_thresholds_off_the_scale_are_refused(threshold: float, capsys: pytest.CaptureFixture[str]) -> None:
    with refused("option-invalid", f"--occurrence {threshold:g}"):
        occurrence.check(threshold)
    assert main(["compare", "--occurrence", str(threshold)]) == 2
    assert_refused(capsys.readouterr().err, "option-invalid", "--occurrence")


def test_one_class_and_no_frames() -> None:
    scores = np.array([0.1, 0.2])
    assert occurrence.auc(np.array([2.0, 3.0]), scores) == (None, "undefined: every frame has it")
    assert occurrence.auc(np.array([0.0, 1.0]), scores) == (None, "undefined: no frame has it")
    assert occurrence.auc(np.array([]), np.array([])) == (None, "undefined: no frame")
    assert occurrence.auc(np.array([0.0, 2.0]), np.array([0.5, 0.5])) == (0.5, "")

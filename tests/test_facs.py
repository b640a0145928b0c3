"""The FACS table against the parameter layout and the data sets' papers."""

from __future__ import annotations

from refusals import refused

from aubench import facs
from aubench.parameters import AU_NAMES


def test_every_au_parameter_has_a_row_in_order() -> None:
    assert tuple(unit.key for unit in facs.ACTION_UNITS) == AU_NAMES
    assert all(unit.name and unit.muscle for unit in facs.ACTION_UNITS)


def test_which_data_set_annotates_what() -> None:
    numbers = {name: [facs.action_unit(au).number for au in aus] for name, aus in facs.ANNOTATED.items()}
    assert numbers == {
        "disfa": [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26],
        "bp4d": [6, 10, 12, 14, 17],
        "synth": [1, 2, 4, 5, 6, 9, 10, 12, 14, 15, 17, 20, 25, 26],
    }
    assert facs.action_unit("AU10").datasets == ("bp4d", "synth")
    assert facs.action_unit("AU43").datasets == ()


def test_both_sides_of_the_jaw_are_au_30() -> None:
    assert [facs.action_unit(key).number for key in ("AU30L", "AU30R")] == [30, 30]


def test_unknown_au() -> None:
    with refused("name-unknown", "'AU1'"):
        facs.action_unit("AU1")

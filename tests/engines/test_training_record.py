"""Record of what a network was trained for, saved with its weights and checked before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from scanfill.engines import TrainingRecord
from scanfill.engines.training_record import input_names, spacing_of, upgrade
from scanfill.errors import CheckpointError

PATH = Path("models/model.pt")
NETWORK = nn.Linear(2, 1)
CASES = [{"case_id": name, "patient": name[0], "t2": f"/somewhere/{name}"} for name in ("b1", "a2", "a1")]
SYNTHESIS_OF_0_1 = {"modalities": ["t2"], "spacing": [1.0, 1.0, 2.0], "network": "Linear", "target": "flair"}
COMPLETION_OF_0_1 = {"modalities": ["t1", "t2"], "spacing": None, "network": "Linear", "reference": {"t1": 1.0}}


def record_for_flair(**changes: Any) -> TrainingRecord:
    """A record with everything that a bundle may put into it."""
    given: dict[str, Any] = {"inputs": {"sources": ["t2"]}, "network": NETWORK, "settings": {"target": "flair"}}
    return TrainingRecord(**{**given, "facts": {"spacing": [1, 1, 2]}, "training": CASES, **changes})


def test_its_state_is_plain_and_names_no_path() -> None:
    assert record_for_flair().state_dict() == {
        "inputs": {"sources": ["t2"]},
        "network": "Linear",
        "target": "flair",
        "spacing": [1, 1, 2],
        "training": {"cases": ["a1", "a2", "b1"], "patients": ["a", "b"]},
    }


@pytest.mark.parametrize("inputs", [None, {}])
def test_what_there_is_none_of_is_left_out(inputs: dict[str, list[str]] | None) -> None:
    state = TrainingRecord(inputs, NETWORK).state_dict()
    assert state == {"network": "Linear"}
    assert input_names(state) == []
    assert spacing_of(state) is None
    TrainingRecord(None, NETWORK).check(state, PATH)


@pytest.mark.parametrize("part", ["settings", "facts"])
def test_an_entry_that_every_record_has_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="must not have an entry 'training'"):
        record_for_flair(**{part: {"training": 5}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": nn.Conv1d(1, 1, 1)}, "network='Linear'; this run has 'Conv1d'. Add the overlay"),
        (
            {"inputs": {"sources": ["t1", "t2"]}},
            "sources=['t2']; this run has ['t1', 't2']. Pass --sources \"['t2']\".",
        ),
        ({"inputs": None}, "sources=['t2']; this run has None. Use another checkpoint."),
        ({"settings": {"target": "t1ce"}}, "target='flair'; this run has 't1ce'. Pass --target flair"),
        ({"settings": {"availability": True}}, "availability=None; this run has True"),
    ],
)
def test_another_run_is_refused_with_both_values(changes: dict[str, Any], message: str) -> None:
    record_for_flair().check(record_for_flair().state_dict(), PATH)
    with pytest.raises(CheckpointError) as refused:
        record_for_flair(**changes).check(record_for_flair().state_dict(), PATH)
    assert message in str(refused.value)


def test_inputs_that_a_checkpoint_does_not_name_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"sources=None; this run has \['t2'\]\. Use another"):
        record_for_flair().check(TrainingRecord(None, NETWORK).state_dict(), PATH)


def test_of_two_options_the_one_that_differs_is_named() -> None:
    own, theirs = ({"images": ["ct"], "masks": masks} for masks in (["kidney"], ["kidney", "tumor"]))
    with pytest.raises(CheckpointError, match=r"""Pass --masks "\['kidney', 'tumor'\]"\."""):
        TrainingRecord(own, NETWORK).check(TrainingRecord(theirs, NETWORK).state_dict(), PATH)
    assert input_names({"inputs": theirs}) == ["ct", "kidney", "tumor"]


def test_names_are_compared_whatever_the_option_is_called() -> None:
    state = TrainingRecord({"modalities": ["t2"]}, NETWORK, settings={"target": "flair"}).state_dict()
    record_for_flair().check(state, PATH)
    with pytest.raises(CheckpointError, match=r"sources=\['t2'\]; this run has \['t1'\]"):
        record_for_flair(inputs={"sources": ["t1"]}).check(state, PATH)


def test_the_order_of_names_counts() -> None:
    state = TrainingRecord({"modalities": ["t1", "t2"]}, NETWORK).state_dict()
    with pytest.raises(CheckpointError, match=r"this run has \['t2', 't1'\]"):
        TrainingRecord({"modalities": ["t2", "t1"]}, NETWORK).check(state, PATH)


def test_cases_of_the_weights_it_goes_on_from_are_added_once() -> None:
    record = record_for_flair(training=[{"case_id": "c1", "patient": "c"}, CASES[0]])
    record.add_training(record_for_flair().state_dict())
    assert record.training == {"cases": ["a1", "a2", "b1", "c1"], "patients": ["a", "b", "c"]}
    without = record_for_flair(training=None)
    without.add_training(record_for_flair().state_dict())
    assert without.training is None, "a run that learns from nobody keeps no list"


@pytest.mark.parametrize(
    ("recipe", "record"),
    [
        (
            SYNTHESIS_OF_0_1,
            {"inputs": {"sources": ["t2"]}, "network": "Linear", "target": "flair", "spacing": [1.0, 1.0, 2.0]},
        ),
        (
            COMPLETION_OF_0_1,
            {"inputs": {"modalities": ["t1", "t2"]}, "network": "Linear", "reference": {"t1": 1.0}},
        ),
    ],
)
def test_a_recipe_of_0_1_takes_todays_form_and_a_record_keeps_it(
    recipe: dict[str, Any], record: dict[str, Any]
) -> None:
    assert upgrade(recipe) == record
    assert upgrade(record) == record
    assert input_names(recipe) == input_names(record)

"""Study files: what they may say, and what an error tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scanfill
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import UnknownOptionError, UsageError
from scanfill.studies.bundle_facts import networks_of, schema_of
from scanfill.studies.commands import filled
from scanfill.studies.kinds.missing_modality.strategies import find_models, find_predictions, find_steps, missing_sets
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import parse_setting, read_study

if TYPE_CHECKING:
    from pathlib import Path

PROTOCOL = studies_folder() / "missing_modality.yaml"


def study_with(*settings: str, smoke: bool = False) -> dict[str, object]:
    return read_study(PROTOCOL, settings, smoke=smoke)


def test_the_full_protocol_is_the_default() -> None:
    study = study_with()
    models = find_models(study)
    kinds = [name.partition("_")[0] for name in models]
    assert len(missing_sets(study)) == 14
    assert kinds.count("segmenter") == 5
    assert kinds.count("synthesis") == 12
    assert {"completion", "dropout", "synthetic_trained"} <= set(models)
    assert study["folds"] == 5
    assert len(study["seeds"]) >= 3


def test_dedicated_all_trains_a_segmenter_for_every_set() -> None:
    models = find_models(study_with("dedicated=all"))
    assert sum(name.startswith("segmenter_") for name in models) == 15


def test_smoke_shrinks_and_a_setting_has_the_last_word() -> None:
    study = study_with("folds=3", smoke=True)
    assert study["smoke"] is True
    assert study["folds"] == 3
    assert study["subset"]["targets"] == ["t1ce", "flair"]


@pytest.mark.parametrize(
    ("setting", "nearest"),
    [
        ("fold=3", "folds"),
        ("subset.target=[t1]", "targets"),
        ("subset.targets=[flare]", "flair"),
        ("subset.strategies=[pairwize]", "pairwise"),
        ("segmentation.max_epoch=3", "max_epochs"),
        ("synthesis.overlays=[smal.yaml]", "small.yaml"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(setting: str, nearest: str) -> None:
    with pytest.raises(UnknownOptionError, match=f"did you mean '{nearest}'"):
        study_with(setting)


@pytest.mark.parametrize(
    "setting",
    [
        "folds=1",
        "folds=true",
        "seeds=[]",
        "seeds=[0, 0]",
        "seeds=0",
        "held_out=1.5",
        "held_out=-1",
        "held_out=true",
        "inner_validation=0",
        "segmenter=nnunet",
        "checkpoint=first",
        "smoke=maybe",
        "most_missing=4",
        "subset.folds=[5]",
        "subset.targets=[]",
        "subset=all",
        "segmentation.datalist=x.json",
        "segmentation.overlays=small.yaml",
        "name=other",
        "regions=[]",
        "regions=WT",
        "regions=[WT, WT]",
        "margins.WT=0",
        "margins.WT=all",
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name(setting: str) -> None:
    with pytest.raises(UsageError, match=setting.partition("=")[0].partition(".")[0]):
        study_with(setting)


def test_targets_that_nothing_is_left_to_make_are_refused() -> None:
    with pytest.raises(UsageError, match="no sequence to synthesize t1 from"):
        study_with("subset.sources=[t1]", "subset.targets=[t1]")


@pytest.mark.parametrize("text", ["folds", "=3", "folds=[0"])
def test_a_setting_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="OPTION=VALUE"):
        parse_setting(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no study file"):
        read_study(tmp_path / "none.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- folds")
    with pytest.raises(UsageError, match="list"):
        read_study(tmp_path / "list.yaml")


subsets = st.lists(st.sampled_from(MODALITIES), min_size=1, unique=True)


@settings(deadline=None)
@given(targets=subsets, sources=subsets, most=st.integers(1, 3), dedicated=st.sampled_from(["three_inputs", "all"]))
def test_every_prediction_has_its_networks_and_makes_nothing_from_what_is_missing(
    targets: list[str], sources: list[str], most: int, dedicated: str
) -> None:
    options = {"most_missing": most, "dedicated": dedicated}
    study = study_with() | options
    study["subset"] = study["subset"] | {"targets": targets, "sources": sources}
    models, predictions, steps = find_models(study), find_predictions(study), find_steps(study)
    made = {f"{name}/seed_{{seed}}/{{fold}}/{result}" for name, step in steps.items() for result in step["results"]}
    for prediction in predictions.values():
        used = [task["model"] for task in prediction["tasks"]]
        assert set(used) <= set(prediction["models"])
        assert set(prediction["models"]) <= set(models)
        assert set(prediction["needs"]) <= made
        for task in prediction["tasks"]:
            assert task["source"] not in task["missing"]
            assert set(task["missing"]) < set(MODALITIES)
            assert set(task["models"]) <= set(models)
            if prediction["prepare"]["images"] == "synthesis" and task["missing"]:
                assert set(sources) - set(task["missing"])


def test_a_margin_of_a_region_that_is_not_compared_is_refused() -> None:
    with pytest.raises(UsageError, match="margins: not one of regions: 'TC'"):
        study_with("margins.TC=0.03")


def test_margins_are_replaced_and_may_be_of_any_region_that_is_compared() -> None:
    study = study_with("regions=[TC, WT]", "margins={TC: 0.1}")
    assert (study["regions"], study["margins"]) == (["TC", "WT"], {"TC": 0.1})
    with pytest.raises(UsageError, match="margins"):
        study_with("margins=0.1")


def test_the_networks_that_a_bundle_names_are_made_of_its_overlays() -> None:
    for name, folder in scanfill.bundle_paths().items():
        for overlays in networks_of(name).values():
            assert all((folder / "configs" / overlay).is_file() for overlay in overlays)
    assert networks_of("brain_tumor_segmentation")["deepmedic"] == []


def test_bundles_of_different_kinds_of_data_are_no_study() -> None:
    assert schema_of(["brain_tumor_segmentation", "mri_modality_completion"]) == "brain_mri"
    with pytest.raises(UsageError, match="hand_bone_segmentation has 'hand_xray', not 'brain_mri'"):
        schema_of(["brain_tumor_segmentation", "hand_bone_segmentation"])


@pytest.mark.parametrize(("fold", "outer"), [("fold_1", "fold_1"), ("fold_1_inner_0", "fold_1")])
def test_what_is_planned_is_filled_with_the_fold_and_seed_of_a_job(fold: str, outer: str) -> None:
    planned = {"{fold}": ["a/{fold}/{seed}", {"list": "{outer}"}], "number": 3, "nothing": None}
    assert filled(planned, fold, 7) == {"{fold}": [f"a/{fold}/7", {"list": outer}], "number": 3, "nothing": None}


def test_pairwise_needs_every_synthesizer_that_it_chooses_among() -> None:
    study = study_with("subset.targets=[t1, t2]", "most_missing=2", "dedicated=all", "subset.sources=[t1, t1ce, flair]")
    tasks = {
        (task["strategy"], task["task"]): task["models"]
        for prediction in find_predictions(study).values()
        for task in prediction["tasks"]
    }
    made = ["synthesis_t1ce_to_t1", "synthesis_flair_to_t1", "synthesis_t1ce_to_t2", "synthesis_flair_to_t2"]
    assert tasks["pairwise", "without t1+t2"] == ["segmenter_t1-t1ce-t2-flair", *made]
    inner = ["inner_synthesis_to_t1", "inner_synthesis_to_t2"]
    assert tasks["synthetic_trained", ""] == ["synthetic_trained", *inner]
    assert tasks["dedicated", "without t2"] == ["segmenter_t1-t1ce-flair"]
    needed = {name for models in tasks.values() for name in models}
    assert needed == set(find_models(study))

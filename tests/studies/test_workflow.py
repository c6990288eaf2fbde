"""The workflow: what runs, what runs again, and what stays, with jobs that stand in for the real ones."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from scanfill.__main__ import main
from scanfill.errors import UsageError
from scanfill.studies import commands, run
from stand_in_study import FILE, STRATEGIES, StandInStudy

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("snakemake", reason="the extra `studies` is not installed")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StandInStudy:
    """A study that has run to its end."""
    study = StandInStudy(tmp_path_factory.mktemp("study"))
    code, study.first = study.go()
    assert code == 0
    return study


def test_each_job_runs_once_and_after_what_it_needs(finished: StandInStudy) -> None:
    made = finished.first
    plan = json.loads((finished.folder / "study.json").read_text())
    trained = [f"models/{name}/seed_{seed}/{fold}" for name, seed, fold in commands.trainings(plan)]
    assert sorted(place for place in made if place.startswith("models/")) == sorted(trained)
    assert len(set(made)) == len(made)
    order = {place: number for number, place in enumerate(made)}
    for fold in ("fold_0", "fold_1"):
        chain = [
            f"models/synthesis_t2_to_flair/seed_0/{fold}",
            f"choices/seed_0/{fold}",
            f"models/inner_synthesis_to_flair/seed_0/{fold}_inner_1",
            f"inner_images/seed_0/{fold}",
            f"models/synthetic_trained/seed_0/{fold}",
            f"predictions/synthetic_trained/seed_0/{fold}",
            f"scores/seed_0/{fold}.csv",
            "scores/seed_0/ensemble.csv",
        ]
        places = [order[place] for place in chain[:7]]
        assert places == sorted(places)
        assert order[chain[7]] > order[chain[5]]


def test_a_training_learns_from_its_own_list_only(finished: StandInStudy) -> None:
    told = {
        path.parts[-4]: json.loads(path.read_text())["datalist"]
        for path in finished.folder.glob("models/*/seed_0/fold_1/receipt.json")
    }
    assert told["segmenter_t1-t1ce-t2-flair"] == "folds/fold_1_outer.json"
    assert told["synthesis_t1_to_flair"] == "folds/fold_1_inner_share.json"
    assert told["synthetic_trained"] == "inner_images/seed_0/fold_1/list.json"
    inner = finished.folder / "models/inner_synthesis_to_flair/seed_0/fold_1_inner_0/receipt.json"
    assert json.loads(inner.read_text())["datalist"] == "folds/fold_1_inner_0.json"
    assert "choices/seed_0/fold_1/to_flair.yaml" in json.loads(inner.read_text())["config_file"]


def test_each_step_gets_its_own_options_and_the_data_only_if_it_reads_cases(finished: StandInStudy) -> None:
    chosen = json.loads((finished.folder / "choices/seed_0/fold_1/sources.json").read_text())
    assert chosen["config_file"] == "configs/studies/choose.yaml"
    assert "models/synthesis_t2_to_flair/seed_0/fold_1/receipt.json" in chosen["receipts"]
    assert not {"datalist", "dataset_dir", "device#name"} & set(chosen)
    made = json.loads((finished.folder / "inner_images/seed_0/fold_1/list.json").read_text())
    assert made["config_file"] == "configs/studies/inner_images.yaml"
    assert made["datalist"] == "folds/fold_1_outer.json"
    assert (made["dataset_dir"], made["device#name"]) == (str(finished.data), "auto")
    assert "fold_1_inner_1" in made["models"]


def test_nothing_runs_again_when_nothing_has_changed(finished: StandInStudy) -> None:
    assert finished.go() == (0, [])


def test_a_option_of_synthesis_trains_again_only_what_depends_on_it(finished: StandInStudy) -> None:
    code, made = finished.go("synthesis.learning_rate=0.001")
    kinds = {place.split("/")[1] for place in made if place.startswith("models/")}
    predicted = {place.split("/")[1] for place in made if place.startswith("predictions/")}
    assert code == 0
    assert any(kind.startswith("synthesis_") for kind in kinds)
    assert not any(kind.startswith("segmenter_") for kind in kinds)
    assert predicted == {"pairwise", "synthetic_trained"}


def test_a_failed_job_names_its_log_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    study = StandInStudy(tmp_path)
    monkeypatch.setenv("BREAK", "models/synthesis_t1_to_flair/seed_0/fold_0")
    code, made = study.go()
    assert code != 0
    assert "predictions/zero/seed_0/fold_0" in made
    assert "scores/seed_0/fold_1.csv" in made
    assert "scores/seed_0/fold_0.csv" not in made
    told = capfd.readouterr().err
    assert "Its log is logs/training/synthesis_t1_to_flair/seed_0/fold_0.log" in told
    assert "this job was told to fail" in told
    monkeypatch.delenv("BREAK")
    code, again = study.go()
    assert code == 0
    assert not set(made) & set(again)


def test_predictions_by_a_training_that_failed_when_it_was_repeated_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = StandInStudy(tmp_path)
    assert study.go()[0] == 0
    place, config = "models/synthesis_t1_to_flair/seed_0/fold_0", "synthesis.learning_rate=0.001"
    monkeypatch.setenv("BREAK", place)
    assert study.go(config)[0] != 0
    monkeypatch.delenv("BREAK")
    for path in study.folder.glob("predictions/pairwise/seed_0/fold_0/receipt.json"):  # as if it were up to date
        path.touch()
    code, again = study.go(config)
    assert code == 0
    assert place in again
    assert "predictions/pairwise/seed_0/fold_0" in again


def test_a_lock_that_a_killed_scheduler_left_is_removed(tmp_path: Path) -> None:
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").write_text("x")
    run.unlock(tmp_path)
    assert not list(locks.iterdir())


def test_two_studies_in_one_folder_are_refused_with_the_process(tmp_path: Path) -> None:
    with run.alone(tmp_path), pytest.raises(UsageError, match=str(os.getpid())), run.alone(tmp_path):
        pass
    with run.alone(tmp_path):  # free again
        pass


def test_results_of_another_protocol_are_refused(finished: StandInStudy) -> None:
    with pytest.raises(UsageError, match=r"another protocol: folds \(=2, now 3\)"):
        finished.plan("folds=3")


def test_other_patients_are_another_protocol(tmp_path: Path) -> None:
    study = StandInStudy(tmp_path)
    study.plan()
    study.add_case(99)
    with pytest.raises(UsageError, match="different cases"):
        study.plan()


def test_without_snakemake_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"scanfill\[studies\]"):
        run.check_snakemake()


def test_images_that_have_changed_are_another_protocol(tmp_path: Path) -> None:
    study = StandInStudy(tmp_path)
    study.plan()
    image = next(study.data.rglob("*.nii*"))
    scan = nib.load(image)
    nib.save(nib.Nifti1Image(np.asarray(scan.dataobj) * 2, scan.affine), image)
    with pytest.raises(UsageError, match="different images"):
        study.plan()


def test_no_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--dataset_dir"):
        run.run_study(FILE, tmp_path)


def test_a_dry_run_counts_the_trainings_and_trains_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = StandInStudy(tmp_path)
    settings = [STRATEGIES, "seconds_a_step.unet=60", "seconds_a_step.synthesis=1"]
    run.run_study(FILE, study.folder, dataset_dir=study.data, cores=1, dry_run=True, smoke=True, settings=settings)
    told = capfd.readouterr().out
    assert "24 trainings, 0 of them done" in told
    assert "unet: 4 trainings, 4 x 6 steps at 60 s = 0.4 h" in told
    assert not (study.folder / "models").exists()


def test_the_verb_hands_over_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(run, "run_study", lambda *words, **options: told.update(options, words=words))
    words = [
        "study",
        "x.yaml",
        "--smoke",
        "--out",
        "o",
        "--dry-run",
        "--set",
        "folds=3",
        "seeds=[0]",
        "subset.folds=[1]",
    ]
    monkeypatch.setattr(sys, "argv", ["scanfill", *words])
    main()
    assert told["words"] == ("x.yaml", "o")
    assert told["settings"] == ["folds=3", "seeds=[0]", "subset.folds=[1]"]
    assert told["smoke"] is told["dry_run"] is True


def test_a_second_set_is_refused_rather_than_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scanfill", "study", "x", "--out", "o", "--set", "folds=3", "--set", "seeds=[0]"])
    with pytest.raises(SystemExit):
        main()
    assert "Write --set once" in capsys.readouterr().err

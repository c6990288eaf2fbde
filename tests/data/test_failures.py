"""One bad case does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, ConcatItemsd

from scanfill.data import CollectFailures
from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.transforms.normalize import NormalizeInMaskd
from tiny_cases import MODALITIES, save_case

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("anna", "ben", "carl", "dora", "emil")
prepare = Compose(
    [ReadCased(MODALITIES, schema=SCHEMA), NormalizeInMaskd(MODALITIES), ConcatItemsd(MODALITIES, "image")]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        save_case(tmp_path / name)
    return tmp_path


def spoil(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name / "t2.nii.gz"
        path.write_bytes(path.read_bytes()[:100])


def evaluate(
    folder: Path, modalities: tuple[str, ...] = MODALITIES
) -> tuple[CollectFailures, list[str], SupervisedEvaluator]:
    """Run a real evaluator over the cases; return the names of those that it predicted."""
    cases = find_cases(folder, modalities, labels="none", strict=False, schema=SCHEMA)
    dataset = CollectFailures(cases, prepare, progress=False)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(dataset, batch_size=1, num_workers=0),
        network=torch.nn.Conv3d(4, 2, 1),
        prepare_batch=lambda batch, *_args, **_kwargs: (batch["image"], None),
    )
    predicted: list[str] = []

    @evaluator.on(Events.ITERATION_COMPLETED)
    def _note(engine: SupervisedEvaluator) -> None:
        predicted.extend(item["case_id"] for item in engine.state.batch)
        assert engine.state.output[0]["pred"].shape == (2, 12, 12, 12)

    evaluator.run()
    return dataset, predicted, evaluator


def test_of_good_cases_only_their_number_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset, predicted, _ = evaluate(folder)
    assert predicted == list(NAMES)
    dataset.report()
    assert capsys.readouterr().out == "5 of 5 cases processed.\n"


@pytest.mark.parametrize("bad", [("anna",), ("carl",), ("emil",), ("anna", "ben", "emil")])
def test_every_good_case_is_predicted_exactly_once(folder: Path, bad: tuple[str, ...]) -> None:
    spoil(folder, *bad)
    dataset, predicted, evaluator = evaluate(folder)
    assert predicted == [name for name in NAMES if name not in bad]
    assert [name for name, _ in dataset.failures] == list(bad)
    assert evaluator.state.iteration == len(predicted)


def test_evaluator_ends_where_every_case_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder, *NAMES)
    dataset, predicted, _ = evaluate(folder)
    assert predicted == []
    with pytest.raises(SystemExit) as exit_info:
        dataset.report()
    assert exit_info.value.code == 1
    assert "5 of 5 cases failed:" in capsys.readouterr().out


def test_report_gives_one_line_a_case_with_the_original_message(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder, "ben")
    (folder / "dora" / "flair.nii.gz").unlink()
    dataset, _, _ = evaluate(folder)
    with pytest.raises(SystemExit):
        dataset.report()
    _, head, first, second = capsys.readouterr().out.splitlines()
    assert head == "2 of 5 cases failed:"
    assert first.startswith("  Case 'ben': t2 (")
    assert "cannot be read" in first
    assert second.startswith("  Case 'dora' has no flair image")


def test_any_exception_is_collected_with_its_type() -> None:
    def fail(case: dict[str, Any]) -> dict[str, Any]:
        if case["case_id"] == "b":
            msg = "two\nlines"
            raise KeyError(msg)
        return case

    dataset = CollectFailures([{"case_id": "a"}, {"case_id": "b"}, {"case_id": "c"}], Compose([fail]), progress=False)
    assert [case["case_id"] for case in dataset] == ["a", "c"]
    assert dataset.failures == [("b", r"KeyError: 'two\nlines'")]


def test_interruption_is_not_a_failure() -> None:
    def interrupt(_case: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(CollectFailures([{"case_id": "a"}], interrupt, progress=False))


def test_second_pass_starts_a_new_list(folder: Path) -> None:
    spoil(folder, "ben")
    dataset = CollectFailures(find_cases(folder, labels="none", schema=SCHEMA), prepare, progress=False)
    assert len(list(dataset)) == len(list(dataset)) == 4
    assert len(dataset.failures) == 1


def test_progress_bar_counts_every_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder, "ben")
    list(CollectFailures(find_cases(folder, labels="none", schema=SCHEMA), prepare))
    assert "5/5" in capsys.readouterr().err


def test_worker_processes_are_refused() -> None:
    loader = DataLoader(CollectFailures([{"case_id": "a"}], dict, progress=False), batch_size=1, num_workers=1)
    with pytest.raises(RuntimeError, match="set num_workers to 0"):
        list(loader)

"""Errors that every bundle raises for bad input: bundles x faults. Errors of single bundles are in their own files."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import pytest
import torch
from PIL import Image

from conftest import BUNDLES, REPO, TrainedBundle, run_bundle, small_steps
from scanfill.errors import CaseError, CheckpointError, UsageError
from test_brain_tumor_segmentation import file_of, run_here, stopped_by
from untrained_bundles import COMPLETION, SYNTHESIS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEGMENTATION, BONES, IMAGE = "brain_tumor_segmentation", "hand_bone_segmentation", "image_synthesis_2d"
INPAINTING, KIDNEYS, DRAWING = "lesion_inpainting", "kidney_tumor_segmentation", "ct_label_to_image"
IMAGES = (".nii.gz", ".png", ".tif")


@dataclass(frozen=True)
class Refusals:
    """What a bundle says to faults that depend on what it is for.

    Attributes:
        lacking: Images that a whole case must lose for the bundle to have no use for it; empty if it uses one image,
            without which there is no case.
        lacks: What is said of that case; ``{case}`` is its name.
        other: Knobs of inference that ask for something else than the checkpoint was trained for.
        differs: What is said of the checkpoint.
        hidden: Knobs of inference under which the case that loses images is one to be used at all.
        always: Knobs of inference that cases without labels need.
        misspelt: A knob of the bundle's own, misspelt, and what is meant.
    """

    other: dict[str, Any]
    differs: str
    lacking: tuple[str, ...] = ()
    lacks: str = ""
    hidden: dict[str, Any] = field(default_factory=dict)
    always: dict[str, Any] = field(default_factory=dict)
    misspelt: tuple[str, str] = ("--modality", "--modalities")


REFUSALS = {
    SEGMENTATION: Refusals(
        lacking=("t2",),
        lacks="Case {case!r} has no t2",
        other={"modalities": ["t1ce", "flair"]},
        differs=r"modalities=\['t1', 't1ce', 't2', 'flair'\]; this run has \['t1ce', 'flair'\]",
    ),
    SYNTHESIS: Refusals(
        lacking=("t2", "flair"),
        lacks="Case {case!r} has no t2 image, which is needed to generate flair",
        other={"target": "t1ce", "existing": "synthesize"},
        differs="target='flair'; this run has 't1ce'. Pass --target flair",
        misspelt=("--source", "--sources"),
    ),
    COMPLETION: Refusals(
        lacking=("t1", "t2"),
        lacks="Case {case!r} has no t1 and no t1ce and no t2 and no flair image",
        other={"modalities": ["t1", "t2", "flair"]},
        differs=r"modalities=\['t1', 't1ce', 't2', 'flair'\]; this run has \['t1', 't2', 'flair'\]",
        hidden={"leave_out": ["t1ce", "flair"]},
    ),
    INPAINTING: Refusals(
        lacking=("t2",),
        lacks="Case {case!r} has no t2",
        other={"prediction": "epsilon"},
        differs="prediction='v_prediction'; this run has 'epsilon'. Pass --prediction v_prediction",
        always={"masks": "drawn", "shells": [[2, 1.0]]},
        misspelt=("--masks_dir", "--dataset_dir"),
    ),
    BONES: Refusals(
        other={"image_size": 512},
        differs="image_size=256; this run has 512. Pass --image_size 256",
        misspelt=("--images_size", "--image_size"),
    ),
    KIDNEYS: Refusals(
        other={"image_size": 512},
        differs="image_size=256; this run has 512. Pass --image_size 256",
        misspelt=("--tumour_share", "--tumor_share"),
    ),
    DRAWING: Refusals(
        other={"image_size": 128},
        differs="image_size=64; this run has 128. Pass --image_size 64",
        misspelt=("--tumour_share", "--tumor_share"),
    ),
    IMAGE: Refusals(
        other={"prediction": "epsilon"},
        differs="prediction='v_prediction'; this run has 'epsilon'. Pass --prediction v_prediction",
        misspelt=("--images_size", "--image_size"),
    ),
}
OURS = [bundle for bundle in BUNDLES if bundle.name in REFUSALS]
MAKE_IMAGES = [bundle for bundle in OURS if bundle.name in {SYNTHESIS, COMPLETION}]
READ_SCANS = [bundle for bundle in OURS if bundle.name != IMAGE]
OF_SEVERAL_IMAGES = [bundle for bundle in OURS if REFUSALS[bundle.name].lacking]
ours = pytest.mark.parametrize("trained", OURS, ids=lambda path: path.name, indirect=True)
of_several_images = pytest.mark.parametrize("trained", OF_SEVERAL_IMAGES, ids=lambda path: path.name, indirect=True)
that_read_scans = pytest.mark.parametrize("trained", READ_SCANS, ids=lambda path: path.name, indirect=True)
that_make_images = pytest.mark.parametrize("trained", MAKE_IMAGES, ids=lambda path: path.name, indirect=True)


def use(trained: TrainedBundle, cases: Path, output: Path, **knobs: Any) -> None:
    """Run inference in this process."""
    files = trained.configs("inference.yaml")
    knobs = (REFUSALS[trained.source.name].always if trained.source.name in REFUSALS else {}) | knobs
    places = {"bundle_root": str(trained.root), "dataset_dir": str(cases), "output_dir": str(output)}
    run_here(files, **{**small_steps(*files), **places, **knobs})


def usable(trained: TrainedBundle, number: int, folder: Path) -> Path:
    """A copy of a case that inference uses."""
    names = trained.case_ids() if trained.declared.of_training else ()
    return copy_of(trained.new_cases, number, folder, names)


def copy_of(cases: Path, number: int, folder: Path, names: Sequence[str] = ()) -> Path:
    """A folder with a copy of a phantom, without its label, to damage at will; one of some names, if there are any."""
    if pictures := sorted(cases.rglob("*.png")):
        picture = pictures[number]
        (folder / picture.stem).mkdir(parents=True)
        if (table := cases / "conditions.csv").is_file():  # what a generator is asked for
            head, *lines = table.read_text().splitlines()
            own = [line for line in lines if line.startswith(f"{picture.stem},")]
            (folder / picture.stem / table.name).write_text("\n".join([head, *own]))
        return Path(shutil.copy(picture, folder / picture.stem)).parent
    case = sorted(path for path in cases.iterdir() if path.is_dir() and (not names or path.name in names))[number]
    copy = Path(shutil.copytree(case, folder / case.name))
    for label in copy.glob("*_seg.nii.gz"):
        label.unlink()
    return copy


def made(output: Path, case: Path) -> list[Path]:
    """Images that are there for a case, but not copies of its own."""
    given = {path.read_bytes() for path in case.iterdir()}
    images = [path for path in output.glob(f"**/{case.name}*/*") if path.name.endswith(IMAGES)]
    return [path for path in images if path.read_bytes() not in given]


def test_every_bundle_says_here_what_it_refuses() -> None:
    assert set(REFUSALS) == {folder.name for folder in (REPO / "bundles").iterdir() if (folder / "configs").is_dir()}


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_misspelt_option_stops_the_command_line(bundle: Path) -> None:
    own = [REFUSALS[bundle.name].misspelt] if bundle.name in REFUSALS else []
    for wrong, right in (("--max_epoch", "--max_epochs"), *own):
        log = run_bundle([str(bundle / "configs" / "train.yaml")], wrong, "3", code=1)
        assert f"\nStopped: Unknown option {wrong} (=3)" in log
        assert right in log


def test_a_gpu_that_is_not_there_stops_the_run(trained: TrainedBundle, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with stopped_by(UsageError, "sees 0 GPUs"):
        use(trained, trained.new_cases, tmp_path, device="cuda")


# --- folders ----------------------------------------------------------------------------------------------------------


def test_no_cases_at_all_is_told(trained: TrainedBundle, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with stopped_by(CaseError, "No cases found in .*empty"):
        use(trained, tmp_path / "empty", tmp_path / "out")


def test_an_output_folder_that_cannot_be_written_is_told_first(trained: TrainedBundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with stopped_by(OSError, "output folder .*file is not writable"):
        use(trained, trained.new_cases, tmp_path / "file")


def test_a_full_disk_leaves_no_half_written_image(
    trained: TrainedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = usable(trained, 0, tmp_path / "cases")

    def failing(write: Callable[..., None]) -> Callable[..., None]:
        def fail_in_the_middle(image: Any, path: Any, *words: Any, **options: Any) -> None:
            write(image, path, *words, **options)
            Path(path).write_bytes(Path(path).read_bytes()[:50])
            raise OSError(28, "No space left on device")

        return fail_in_the_middle

    monkeypatch.setattr(nib, "save", failing(nib.save))
    monkeypatch.setattr(Image.Image, "save", failing(Image.Image.save))
    with stopped_by(OSError, "No space left"):
        use(trained, case, tmp_path / "out")
    assert not made(tmp_path / "out", case)


@that_read_scans
@pytest.mark.parametrize("place", ["", "{case}"], ids=["folder of the cases", "folder of the case"])
def test_nothing_is_written_into_the_folder_of_the_scans(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    case = usable(trained, 0, tmp_path / "cases")
    before = {path: path.read_bytes() for path in case.iterdir()}
    with pytest.raises(SystemExit) as stopped:
        use(trained, tmp_path / "cases", tmp_path / "cases" / place.format(case=case.name))
    assert stopped.value.code == 1
    assert re.search(r"The output folder .* is in a folder with data", "".join(capsys.readouterr()))
    assert {path: path.read_bytes() for path in case.iterdir()} == before


# --- cases ------------------------------------------------------------------------------------------------------------


def test_one_bad_case_does_not_stop_the_others(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if trained.declared.task == "generation":
        pytest.skip("its cases are rows of a table; its own tests have a bad one")
    good, bad = (usable(trained, number, tmp_path / "cases") for number in (0, 1))
    files = list(bad.iterdir())
    if trained.declared.of_training:  # it needs label maps, which together decide what their values mean
        files = [file for file in files if file.name != "segmentation.nii.gz"]
    for file in files:
        file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(SystemExit) as stopped:
        use(trained, tmp_path / "cases", tmp_path / "out")
    assert stopped.value.code == 1
    told = "".join(capsys.readouterr())
    assert "1 of 2 cases failed" in told
    assert bad.name in told
    assert any(file.name in told for file in files)
    assert made(tmp_path / "out", good)
    assert not list((tmp_path / "out").glob(f"{bad.name}*"))


@of_several_images
def test_a_case_that_lacks_what_is_needed_does_not_stop_the_others(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals = REFUSALS[trained.source.name]
    good, bad = copy_of(trained.new_cases, 0, tmp_path / "cases"), copy_of(trained.dataset_dir, 1, tmp_path / "cases")
    for name in refusals.lacking:
        file_of(bad, name).unlink()
    with pytest.raises(SystemExit):
        use(trained, tmp_path / "cases", tmp_path / "out", **refusals.hidden)
    assert refusals.lacks.format(case=bad.name) in "".join(capsys.readouterr())
    assert made(tmp_path / "out", good)
    assert not list((tmp_path / "out").glob(f"{bad.name}*"))


@that_make_images
def test_a_synthetic_file_is_no_truth(trained: TrainedBundle, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    fake, *_ = (copy_of(trained.dataset_dir, number, cases) for number in range(3))
    painted = next((trained.root / "eval" / "predictions").glob("*/*_synthetic_flair.nii.gz"))
    shutil.copy(painted, file_of(fake, "flair"))  # renamed to an ordinary one: its header still tells
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(cases), "labels": "none"}
    for files in (["train.yaml"], ["train.yaml", "evaluate.yaml"]):
        with stopped_by(CaseError, rf"{fake.name}.*flair.*is synthetic \(marked in its NIfTI header\)"):
            run_here(trained.configs(*files), **knobs, output_dir=str(tmp_path), ckpt_dir=str(trained.root / "models"))


# --- checkpoints ------------------------------------------------------------------------------------------------------


@ours
def test_a_checkpoint_of_another_training_is_refused(trained: TrainedBundle, tmp_path: Path) -> None:
    refusals = REFUSALS[trained.source.name]
    with stopped_by(CheckpointError, refusals.differs):
        use(trained, trained.new_cases, tmp_path / "out", **refusals.other)


def test_a_checkpoint_that_is_not_there_or_is_damaged_is_told(trained: TrainedBundle, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    for said in ("No checkpoint at .*model.pt", "Checkpoint .*model.pt cannot be read"):
        with stopped_by(CheckpointError, said):
            use(trained, trained.new_cases, tmp_path / "out", checkpoint=str(file))
        file.write_bytes((trained.root / "models" / "model.pt").read_bytes()[:-1000])

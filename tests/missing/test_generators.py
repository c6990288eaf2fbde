"""A bundle that makes images is checked before it runs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

import scanfill
from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.phantoms.brain import write_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, CheckpointError, UsageError
from scanfill.missing.generators import Generator, open_generator
from untrained_bundles import COMPLETION, SYNTHESIS, copy_of, untrained_bundle

if TYPE_CHECKING:
    from pathlib import Path

KNOBS = {"synthesize": "synthesis_bundles['flair']", "complete": "completion_bundle"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    named = {"synthesize": SYNTHESIS, "complete": COMPLETION}
    return {strategy: untrained_bundle(folder / name, name) for strategy, name in named.items()}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, cases=2, size=32)
    for path in [*folder.glob("*/*_flair.nii.gz"), *folder.glob("*/*_seg.nii.gz")]:
        path.unlink()
    return folder


def opened(bundle: Path, strategy: str, output: Path, **options: Any) -> Generator:
    target = "flair" if strategy == "synthesize" else None
    return open_generator(
        bundle, strategy, KNOBS[strategy], output_dir=output, **{"target": target, **options}, schema=SCHEMA
    )


@pytest.mark.parametrize("strategy", ["synthesize", "complete"])
def test_its_own_inference_gives_the_same_image_whoever_runs_it(
    bundles: dict[str, Path], phantoms: Path, tmp_path: Path, strategy: str
) -> None:
    """Case by case from here, and as a person runs the bundle."""
    from test_brain_tumor_segmentation import run_here  # noqa: PLC0415  it needs pytest's path

    cases = find_cases(phantoms, labels="none", synthetic=True, schema=SCHEMA)
    generator = opened(bundles[strategy], strategy, tmp_path / "here")
    for case in cases:
        generator.make(case)
    config = str(bundles[strategy] / "configs" / "inference.json")
    own = {"bundle_root": str(bundles[strategy]), "dataset_dir": str(phantoms), "output_dir": str(tmp_path / "alone")}
    run_here([config], **own)
    for case in cases:
        name = f"{case['case_id']}/{case['case_id']}_synthetic_flair.nii.gz"
        here, alone = (np.asarray(nib.load(tmp_path / folder / name).dataobj) for folder in ("here", "alone"))
        assert here.any()
        np.testing.assert_array_equal(here, alone)


def test_a_case_that_fails_says_why_and_the_next_one_is_made(
    bundles: dict[str, Path], phantoms: Path, tmp_path: Path
) -> None:
    good, bad = find_cases(phantoms, labels="none", synthetic=True, schema=SCHEMA)
    broken = tmp_path / "t2.nii.gz"
    broken.write_bytes(b"no image")
    generator = opened(bundles["synthesize"], "synthesize", tmp_path / "out")
    with pytest.raises(CaseError, match=r"t2\.nii\.gz"):
        generator.make(bad | {"t2": str(broken)})
    generator.make(good)
    with pytest.raises(CaseError, match="is in a folder with data"):
        opened(bundles["synthesize"], "synthesize", phantoms).make(good)
    assert len(list((tmp_path / "out").rglob("*.nii.gz"))) == 1


def test_an_archive_may_hold_yaml_and_its_weights_decide_what_it_takes(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    copy = copy_of(bundles["complete"], tmp_path / "copy")
    (copy / "configs" / "inference.json").rename(copy / "configs" / "inference.yaml")  # JSON is YAML
    generator = opened(copy, "complete", tmp_path)
    case = {"t1": "t1.nii.gz", "t2": "t2.nii.gz", "synthetic": ["t2"]}
    assert generator.sources_of(case) == ["t1"]
    assert generator.makes("t1ce")
    assert generator.identity["scanfill"] == scanfill.__version__


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["synthesize", "complete"])
def test_a_folder_that_is_not_there_is_told_with_the_command_that_makes_it(tmp_path: Path, strategy: str) -> None:
    with pytest.raises(UsageError) as raised:
        opened(tmp_path / "nowhere", strategy, tmp_path)
    message = str(raised.value)
    assert message.startswith(f"{KNOBS[strategy]} (='{tmp_path / 'nowhere'}') is not a folder")
    assert "python -m scanfill pack mri_modality_" in message


def test_a_folder_that_is_no_such_bundle_is_told(bundles: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"has no configs/inference\.yaml"):
        opened(tmp_path / "empty", "complete", tmp_path)
    copy = copy_of(bundles["complete"], tmp_path / "copy")
    (copy / "configs" / "metadata.json").unlink()
    with pytest.raises(UsageError, match=r"has no configs/metadata\.json"):
        opened(copy, "complete", tmp_path)
    shutil.copytree(bundles["complete"] / "configs", copy / "configs", dirs_exist_ok=True)
    (copy / "configs" / "inference.json").write_text(json.dumps({"cases": [], "run": []}))
    with pytest.raises(UsageError, match="has no checkpoint, record, network_def, dataset, evaluator"):
        opened(copy, "complete", tmp_path)


def test_a_bundle_without_weights_or_with_damaged_ones_is_told(bundles: dict[str, Path], tmp_path: Path) -> None:
    copy = copy_of(bundles["complete"], tmp_path / "copy")
    weights = copy / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-300])
    with pytest.raises(CheckpointError, match=r"model\.pt cannot be read"):
        opened(copy, "complete", tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"No checkpoint at .*--weights MODEL\.pt"):
        opened(copy, "complete", tmp_path)


def test_weights_of_other_overlays_are_told(bundles: dict[str, Path], tmp_path: Path) -> None:
    copy = copy_of(bundles["synthesize"], tmp_path / "copy")
    config = json.loads((copy / "configs" / "inference.json").read_text())
    config["network_def"]["filters"] = 8
    (copy / "configs" / "inference.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"does not fit this .*--overlays"):
        opened(copy, "synthesize", tmp_path)


def test_another_target_than_the_key_says_is_refused(bundles: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="checkpoint makes flair, not t1"):
        opened(bundles["synthesize"], "synthesize", tmp_path, target="t1")
    with pytest.raises(UsageError, match=r"trained to complete .*\(--completion_bundle\), not flair"):
        opened(bundles["complete"], "synthesize", tmp_path)
    with pytest.raises(UsageError, match="makes flair only: pass --missing synthesize"):
        opened(bundles["synthesize"], "complete", tmp_path)


def test_a_bundle_of_another_scanfill_is_refused(tmp_path: Path) -> None:
    bundle = untrained_bundle(tmp_path / "old", COMPLETION, metadata={"scanfill": {"version": "0.0.7"}})
    with pytest.raises(
        UsageError, match=rf"packed with scanfill 0\.0\.7, but is running with scanfill {scanfill.__version__}"
    ):
        opened(bundle, "complete", tmp_path)


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("metadata.json states intensity_rule='signed_range'", {"metadata": {"intensity_rule": "signed_range"}}),
        ("its checkpoint states intensity_rule='percentiles'", {"facts": {"intensity_rule": "percentiles"}}),
        ("metadata.json states no intensity_rule", {"metadata": {"intensity_rule": None}}),
    ],
)
def test_another_rule_of_intensities_is_refused(tmp_path: Path, where: str, changes: dict[str, Any]) -> None:
    bundle = untrained_bundle(tmp_path / "other", COMPLETION, **changes)
    with pytest.raises(UsageError, match=rf"{where}, but images are prepared with 'zscore_in_brain' here"):
        opened(bundle, "complete", tmp_path)

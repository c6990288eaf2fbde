"""Bundles, archives and overlays are checked as they are run: each file on what it belongs on."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from conftest import BUNDLES, REPO
from scanfill.data.image import nifti_bytes
from scanfill.data.provenance import MARKED_NAME, is_synthetic
from scanfill.errors import UsageError
from scanfill.sharing.check import check, config, pipeline

if TYPE_CHECKING:
    from pathlib import Path

PRESETS = [REPO / "configs" / "smoke.yaml", *sorted((REPO / "configs" / "augmentation").rglob("*.yaml"))]
TRAIN = """
size: [8, 8, 8]
transforms:
  - {_target_: LoadImaged, keys: [image, label]}
  - {_target_: Spacingd, keys: [image, label], pixdim: 1, mode: "@mode"}
mode: [bilinear, nearest]
dataset: {_target_: Dataset, data: [], transform: {_target_: Compose, transforms: "@transforms"}}
loader: {_target_: DataLoader, dataset: "@dataset"}
trainer: {_target_: SupervisedTrainer, train_data_loader: "@loader"}
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    home = tmp_path / "made_up" / "configs"
    home.mkdir(parents=True)
    (home / "metadata.json").write_text("{}")
    (home / "train.yaml").write_text(TRAIN)
    (home / "linear.yaml").write_text("mode: bilinear\n")
    (home / "more.yaml").write_text('evaluator: {_target_: SupervisedEvaluator, val_data_loader: "@loader"}\n')
    return home.parent


def together(paths: list[str]) -> list[list[str]]:
    return [[name.rsplit("/", 1)[-1] for name in merged.split(" + ")] for merged in check(paths)[1]]


def test_overlays_are_checked_on_what_they_belong_on(bundle: Path) -> None:
    expected = [
        ["train.yaml"],
        ["train.yaml", "linear.yaml"],
        ["train.yaml", "more.yaml"],
        ["train.yaml", "more.yaml", "linear.yaml"],
    ]
    assert together([str(bundle)]) == expected


def test_a_fault_of_an_overlay_is_told_once_with_the_files_that_were_merged(bundle: Path) -> None:
    (finding,) = check([str(bundle)])[0]
    assert finding.rule == "label-interpolation"
    assert finding.config.endswith("linear.yaml")
    (bundle / "configs" / "linear.yaml").unlink()
    assert not check([str(bundle)])[0]


def test_files_that_are_named_are_merged(bundle: Path) -> None:
    train, linear = (str(bundle / "configs" / name) for name in ("train.yaml", "linear.yaml"))
    assert not check([train])[0]
    assert [finding.rule for finding in check([train, linear])[0]] == ["label-interpolation"]
    assert not check([linear, train])[0]


def test_overlays_behind_a_bundle_lie_on_all_of_it(bundle: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "preset.yaml"
    overlay.write_text("size: [9, 9, 9]\n")
    assert all(merged[-1] == "preset.yaml" for merged in together([str(bundle), str(overlay)]))


def test_a_packed_bundle_is_checked_once_although_it_has_each_config_twice(bundle: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made_up_v1.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted((bundle / "configs").iterdir()):
            opened.write(path, f"made_up/configs/{path.name}")
        opened.writestr("made_up/configs/train.json", "{}")
        opened.writestr("made_up/models/model.pt", b"weights")
    findings, checked, _ = check([str(archive)])
    assert len(checked) == 4
    assert [finding.file for finding in findings] == ["made_up_v1.zip/configs/train.yaml"]


def test_an_overlay_may_be_named_as_in_the_bundle(bundle: Path) -> None:
    assert check([str(bundle), "linear.yaml"])[1]
    with pytest.raises(UsageError, match=r"There is no config lineer\.yaml\. Did you mean linear\.yaml"):
        check([str(bundle), "lineer.yaml"])


def test_a_list_of_cases_among_the_configs_is_no_config(bundle: Path) -> None:
    (bundle / "configs" / "cases.json").write_text('{"training": [], "numTraining": 0}')
    (bundle / "configs" / "names.json").write_text('["a"]')
    assert all("json" not in name for merged in together([str(bundle)]) for name in merged)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["trian.yaml"], "There is no config .*trian.yaml. Did you mean .*train.yaml"),
        (["train.yaml", "lineer.yaml"], "There is no config .*lineer.yaml. Did you mean .*linear.yaml"),
        (["nowhere"], "There is nothing to check at"),
        (["train.txt"], "is not a config: MONAI reads .yaml"),
        (["latin.yaml"], "is not text in UTF-8"),
        (["broken.zip"], "cannot be read as a packed bundle"),
        (["empty.zip"], "contains no folder `configs`"),
        (["locked.zip"], "cannot be read as a packed bundle .*password"),
        (["empty"], "contains no config"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(bundle: Path, paths: list[str], words: str) -> None:
    home = bundle / "configs"
    (home / "train.txt").write_text("a: 1")
    (home / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    (home / "broken.zip").write_bytes(b"no zip")
    (home / "empty").mkdir()
    with zipfile.ZipFile(home / "empty.zip", "w") as opened:
        opened.writestr("a/readme.md", "x")
    with zipfile.ZipFile(home / "locked.zip", "w") as opened:
        opened.writestr("a/configs/train.yaml", "a: 1")
    locked = bytearray((home / "locked.zip").read_bytes())
    locked[6] |= 1  # "encrypted", in the entry and in the directory
    locked[locked.find(b"PK\x01\x02") + 8] |= 1
    (home / "locked.zip").write_bytes(locked)
    with pytest.raises(UsageError, match=words):
        check([str(home / path) for path in paths])


def test_nothing_to_check_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to check"):
        check([])


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_bundle_of_ours_is_clean_with_every_overlay(bundle: Path) -> None:
    findings, checked, idle = check([str(bundle)])
    assert findings == idle == []
    names = {name.rsplit("/", 1)[-1] for merged in checked for name in merged.split(" + ")}
    assert names == {path.name for path in (bundle / "configs").glob("*.yaml")}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_preset_on_every_bundle_of_ours_is_clean(bundle: Path) -> None:
    presets = [path for path in PRESETS if path.stem != "xray_classification"]  # which moves boxes, and no label maps
    if bundle.name != "hand_bone_segmentation":  # single augmentations are for radiographs
        presets = [path for path in presets if path.parent.name != "single"]
    for preset in presets:
        assert check([str(bundle / "configs" / "train.yaml"), str(preset)])[0] == []


@pytest.mark.parametrize("file", sorted((REPO / "configs").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_of_ours_is_clean_by_itself(file: Path) -> None:
    findings, _, idle = check([str(file)])
    assert findings == idle == []


def test_a_preset_for_pictures_with_boxes_leaves_label_maps_behind() -> None:
    preset = REPO / "configs" / "augmentation" / "xray_classification.yaml"
    findings = check([str(REPO / "bundles" / "brain_tumor_segmentation" / "configs" / "train.yaml"), str(preset)])[0]
    assert [finding.rule for finding in findings] == ["label-left-behind"]


def test_a_check_that_takes_too_long_is_given_up(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "LONGEST", -1)
    with pytest.raises(UsageError, match=r"checking takes more than -1 s"):
        check([str(bundle)])


def test_nothing_of_a_config_is_run_or_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('hacked').touch()\n")
    (tmp_path / "train.yaml").write_text(
        "imports: [$import evil]\n"
        "a: \"$__import__('pathlib').Path('hacked').touch()\"\n"
        "b: {_target_: evil.Transform, keys: image}\n"
        "t: [{_target_: RandFlipd, keys: \"$[open('hacked', 'w')]\", prob: \"$exec('import evil')\"}]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not check(["train.yaml"]).findings
    with (tmp_path / "train.yaml").open("a") as file:
        file.write("c: !!python/object/apply:os.system ['touch hacked']\n")
    with pytest.raises(UsageError, match=r"line 5, column 4.*the tag .*os\.system"):
        check(["train.yaml"])
    assert not (tmp_path / "hacked").exists()
    assert "evil" not in sys.modules


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scanfill", "check", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_the_exit_code_says_clean_found_or_unreadable(bundle: Path) -> None:
    train, linear = (str(bundle / "configs" / name) for name in ("train.yaml", "linear.yaml"))
    clean, found, unreadable = run(train), run(train, linear, "--json"), run("nowhere.yaml")
    assert (clean.returncode, found.returncode, unreadable.returncode) == (0, 1, 2)
    assert "nothing found" in clean.stdout
    assert '"rule": "label-interpolation"' in found.stdout
    assert "There is no config nowhere.yaml" in unreadable.stderr
    assert run(f"['{train}', '{linear}']", "--ignore", "label-interpolation,ct-geometry").returncode == 0


def test_a_judging_image_is_known_as_synthetic_by_its_header_where_files_are_read(tmp_path: Path) -> None:
    affine = np.eye(4)
    (tmp_path / "plain.nii.gz").write_bytes(nifti_bytes(np.zeros((2, 2, 2), np.int16), affine, "scanfill synthetic t2"))
    listed = {"validation": [{"case_id": "a", "t2": "plain.nii.gz"}]}
    (tmp_path / "list.json").write_text(json.dumps(listed))
    config = tmp_path / "train.yaml"
    config.write_text("datalist: list.json\n")
    assert not check([str(config)]).findings, "its name says nothing"
    (finding,) = check([str(config)], is_synthetic=is_synthetic).findings
    assert finding.rule == "data-list"
    found = run(str(config))
    assert found.returncode == 1
    assert "'a' is synthetic and in validation" in " ".join(found.stdout.split())


def test_the_name_of_a_synthetic_image_is_the_same_to_check_and_to_what_marks_it() -> None:
    assert pipeline.SYNTHETIC.pattern == MARKED_NAME.pattern


def test_it_is_quick_since_it_brings_no_monai(bundle: Path) -> None:
    script = "import sys; from scanfill.sharing.check import check; check(sys.argv[1:]); print('monai' in sys.modules)"
    command = [sys.executable, "-c", script, str(bundle)]
    asked = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert asked.stdout.strip() == "False"

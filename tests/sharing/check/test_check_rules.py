"""Every rule finds the faults that are planted in `faulty`, where they are, and nothing else there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.sharing.check import RULES, Finding, as_text, check
from scanfill.sharing.check.transforms import KNOWN

FAULTY = Path(__file__).parent / "faulty"
FILES = sorted(FAULTY.glob("*.yaml"))
MARK = re.compile(r"# fault: ([\w-]+)")
ARGUMENTS = sorted(set(re.findall(r", (\w+): ", " ".join(file.read_text(encoding="utf-8") for file in FILES))))
PLAIN = st.sampled_from(
    [None, True, 0, -1, 3, 0.5, "image", "label", "nearest", "@names", "%t", "$@t + @t", "$-@a", "$f(@a)"]
)
ODD = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.sampled_from(ARGUMENTS), PLAIN, max_size=2)
STEPS = st.builds(
    lambda name, keys, given: {**given, "_target_": f"{name}d", "keys": keys},
    st.sampled_from(sorted(KNOWN)),
    st.sampled_from(["image", "label", ["image", "label"], None, ["image", 3]]),
    st.dictionaries(st.sampled_from(ARGUMENTS), ODD, max_size=4),
)


def planted(file: Path) -> list[tuple[int, str]]:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    return [(number, mark[1]) for number, line in lines if (mark := MARK.search(line))]


def found(*files: Path) -> list[Finding]:
    return check([str(file) for file in files])[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_planted_is_found_and_nothing_else(file: Path) -> None:
    assert [(finding.line, finding.rule) for finding in found(file)] == planted(file)


def test_a_pipeline_that_holds_itself_is_only_a_cycle(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    itself = ", ".join(["{_target_: Compose, transforms: '@t'}"] * 12)
    file.write_text(f"t: [{{_target_: RandFlipd, keys: a}}, {itself}]\nu: {{_target_: OneOf, transforms: '@u'}}\n")
    assert [finding.rule for finding in found(file)] == ["reference-cycle", "reference-cycle"]


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=5))
def test_no_arguments_make_a_rule_stop(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, object]]
) -> None:
    load = {"_target_": "LoadImaged", "keys": ["image", "label"]}
    window = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -200, "a_max": 300}
    file = tmp_path_factory.getbasetemp() / "odd.json"
    content = {
        "names": ["left lung", "right lung"],
        "t": [load, window, *steps],
        "postprocessing": {"transforms": steps},
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    checked = check([str(file)])
    assert "Checked 1 config: " in as_text(*checked)
    assert {finding.rule for finding in checked.findings} <= {rule.name for rule in RULES}


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for file in FILES for _, rule in planted(file)} == {rule.name for rule in RULES}


IN_JSON = [file for file in FILES if file.stem != "repeated_entry"]  # reading it has removed the repetition


@pytest.mark.parametrize("file", IN_JSON, ids=lambda file: file.stem)
def test_the_same_config_in_json_has_the_same_faults(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / f"{file.stem}.json"
    copy.write_text(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), indent=2), encoding="utf-8")
    (tmp_path / "lists").symlink_to(FAULTY / "lists")
    assert [(one.id, one.rule) for one in found(copy)] == [(one.id, one.rule) for one in found(file)]


def test_each_finding_says_what_why_and_what_to_do() -> None:
    for file in FILES:
        for finding in found(file):
            assert finding.file == str(file)
            assert all(len(text) > 20 and text.endswith(".") for text in (finding.what, finding.why, finding.fix))


def test_two_faults_of_one_entry_are_both_told(tmp_path: Path) -> None:
    window = "{_target_: ScaleIntensityRanged, keys: image, a_min: -200, a_max: 300}"
    affine = "{_target_: RandAffined, keys: image, rotate_range: 1.6, scale_range: 0.6, prob: 1}"
    file = tmp_path / "train.yaml"
    file.write_text(f"augmentation: [{window}, {affine}]")
    turned, scaled = (finding.what for finding in found(file))
    assert "90 degrees" in turned
    assert "by 1.6" in scaled


@pytest.mark.parametrize("names", ["[LeftLung, RightLung]", "[lh-cortex, rh-cortex]", "[left, right]"])
def test_sides_are_known_however_they_are_written(tmp_path: Path, names: str) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(f"names: {names}\naugmentation: [{{_target_: RandFlipd, keys: image, prob: 1, spatial_axis: 0}}]")
    assert [finding.rule for finding in found(file)] == ["lateral-flip"]


def test_the_metadata_tell_ct_and_sides(tmp_path: Path) -> None:
    flip = "{_target_: RandFlipd, keys: image, prob: 1, spatial_axis: 0}"
    config = f"augmentation: [{{_target_: RandRotate90d, keys: image, prob: 1}}, {flip}]"
    file = tmp_path / "configs" / "train.yaml"
    file.parent.mkdir()
    file.write_text(config)
    assert not found(file)
    formats = {
        "inputs": {"image": {"modality": "CT"}},
        "outputs": {"pred": {"channel_def": {"0": "background", "1": "Left lung", "2": "Right lung"}}},
    }
    (file.parent / "metadata.json").write_text(json.dumps({"network_data_format": formats}))
    assert [finding.rule for finding in found(file)] == ["ct-geometry", "lateral-flip"]


def test_a_ct_window_does_not_make_an_mri_of_the_metadata_a_ct(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(
        json.dumps({"network_data_format": {"inputs": {"image": {"modality": "MR"}}}})
    )
    file = tmp_path / "train.yaml"
    window = "{_target_: ScaleIntensityRanged, keys: image, a_min: -200, a_max: 300}"
    file.write_text(f"augmentation: [{window}, {{_target_: RandRotate90d, keys: image, prob: 1}}]")
    assert not found(file)


def test_a_list_beside_the_bundle_is_found_from_the_bundle(tmp_path: Path) -> None:
    home = tmp_path / "configs"
    home.mkdir()
    (home / "list.json").write_text((FAULTY / "lists" / "leaking.json").read_text())
    file = home / "train.yaml"
    file.write_text("bundle_root: .\ndatalist: \"$@bundle_root + '/configs/list.json'\"\n")
    (finding,) = found(file)
    assert "patient 'a' is in training and in validation" in finding.what

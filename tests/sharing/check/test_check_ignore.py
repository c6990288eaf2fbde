"""A comment silences the finding that it names, with a reason, and no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scanfill.errors import UsageError
from scanfill.sharing.check import as_json, as_text, check

if TYPE_CHECKING:
    from pathlib import Path

SPACING = "{_target_: Spacingd, keys: [image, label], pixdim: [1, 1, 1]}"
REASON = "check: ignore[label-interpolation] because the labels are distance maps"


def rules(file: Path, text: str) -> list[tuple[int, str]]:
    file.write_text(text)
    return [(finding.line, finding.rule) for finding in check([str(file)])[0]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.yaml"


@pytest.mark.parametrize(
    "text",
    [
        f"t:\n  - {SPACING}  # {REASON}\n",
        f"t:\n  # {REASON}\n  - {SPACING}\n",
        f"t:\n  # {REASON}\n  # and a second line of thoughts\n  - {SPACING}\n",
        f"t:\n  - _target_: Spacingd\n    keys: [image, label]  # {REASON}\n    pixdim: [1, 1, 1]\n",
        f"t:\n  - {{_target_: Spacingd, keys: [image, label], _desc_: '{REASON}'}}  # as in JSON\n".replace("'", '"'),
    ],
)
def test_a_comment_beside_in_or_above_silences(file: Path, text: str) -> None:
    assert rules(file, text.replace("_desc_", '"_desc_"')) == []


def test_it_silences_one_finding_and_no_other(file: Path) -> None:
    flip = "{_target_: RandFlipd, keys: image, prob: 0.5}"
    load = "{_target_: LoadImaged, keys: [image, label]}"
    text = f"t:\n  - {load}\n  - {SPACING}  # {REASON}\n  - {SPACING}\n  - {flip}  # {REASON}\n"
    assert rules(file, text) == [(4, "label-interpolation"), (5, "label-left-behind")]


def test_a_comment_with_a_blank_line_below_it_is_not_about_what_follows(file: Path) -> None:
    assert rules(file, f"t:\n  # {REASON}\n\n  - {SPACING}\n") == [(4, "label-interpolation")]


def test_what_is_right_elsewhere_is_silenced_where_it_is_used(file: Path) -> None:
    text = """
hiding: [{_target_: RandCoarseDropoutd, keys: image, holes: 4, spatial_size: 8, prob: 1}]
train: {dataset: {_target_: Dataset, data: [], transform: {_target_: Compose, transforms: "@hiding"}}}
validate:
  dataset: {_target_: Dataset, data: [], transform: {_target_: Compose, transforms: "@hiding"}}  # COMMENT
trainer: {_target_: Trainer, train_data_loader: {_target_: DataLoader, dataset: "@train#dataset"}}
evaluator: {_target_: Evaluator, val_data_loader: {_target_: DataLoader, dataset: "@validate#dataset"}}
"""
    assert rules(file, text) == [(2, "random-evaluation")]
    reason = "check: ignore[random-evaluation] because to fill holes is the task"
    assert rules(file, text.replace("COMMENT", reason)) == []


def test_a_description_silences_its_own_entry_however_json_is_written(tmp_path: Path) -> None:
    entry = '{"_target_": "Spacingd", "keys": ["label"], "pixdim": 1%s}'
    said = entry % f', "_desc_": "{REASON}"'
    assert rules(tmp_path / "train.json", f'{{"t": [{said}, {entry % ""}]}}') == [(1, "label-interpolation")]


def test_a_comment_that_silences_nothing_is_told(file: Path, tmp_path: Path) -> None:
    file.write_text(f"t:\n  - {SPACING}  # {REASON}\n  - {SPACING[:-1]}, mode: nearest}}  # {REASON}\n")
    checked = check([str(file)])
    assert not checked.findings
    assert checked.idle == [(str(file), 3, "label-interpolation")]
    assert f"{file}:3: `ignore[label-interpolation]` has no effect" in as_text(*checked)
    assert json.loads(as_json(*checked))["idle"] == [{"file": str(file), "line": 3, "rule": "label-interpolation"}]
    assert not check([str(file)], ignore=["label-interpolation"]).idle
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("t: []\n")
    assert not check([str(file), str(overlay)]).idle  # the entry is replaced


def test_json_has_a_description_for_it(tmp_path: Path) -> None:
    text = '{"t": [{"_target_": "Spacingd", "keys": ["label"], "pixdim": 1, "_desc_": "%s"}]}'
    assert rules(tmp_path / "train.json", text % REASON) == []
    assert rules(tmp_path / "train.json", text % "resample") == [(1, "label-interpolation")]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        (
            "check: ignore[label-interpolatoin] because",
            r"line 2: there is no rule 'label-interpolatoin' to ignore; .*label-int",
        ),
        ("check: ignore[label-interpolation]", "line 2: label-interpolation is ignored without a reason"),
        ("check: ignore[label-interpolation] because", "without a reason"),
        ("check: ignore because it is right", "names no rule"),
    ],
)
def test_a_comment_that_names_no_rule_or_no_reason_is_refused(file: Path, comment: str, words: str) -> None:
    file.write_text(f"t:\n  - {SPACING}  # {comment}\n")
    with pytest.raises(UsageError, match=words):
        check([str(file)])


def test_an_option_leaves_a_rule_out(file: Path) -> None:
    file.write_text(f"t: [{SPACING}]\n")
    assert check([str(file)])[0]
    assert not check([str(file)], ignore=["label-interpolation"])[0]
    with pytest.raises(UsageError, match="--ignore: there is no rule 'interpolation'"):
        check([str(file)], ignore=["interpolation"])

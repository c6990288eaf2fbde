"""What a schema may say, and what is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from conftest import REPO
from scanfill.data import CaseSchema, ConditionSpec, FolderFinder, ImageSpec, LabelSpec, load_schema, read_outlines
from scanfill.data.schema_names import schema_names
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

STATED: dict[str, Any] = {
    "name": "hands",
    "spatial_dims": 2,
    "images": [{"key": "image"}],
    "label": {"kind": "channels", "names": {"1": "radius", "2": "ulna"}, "pairs": [[1, 2]]},
    "finder": {"by": "folder", "files": {"image": "image.png", "label": "mask_{name}.png"}},
}


def stated(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**STATED, **changes}.items() if value is not None}


def test_each_domain_has_a_schema_of_its_folders_name() -> None:
    assert "brain_mri" in schema_names()
    assert [load_schema(name).name for name in schema_names()] == schema_names()
    assert load_schema("brain_mri").image_keys == list(MODALITIES)


def test_a_schema_stated_in_words_is_the_one_that_is_built() -> None:
    built = CaseSchema(
        "hands",
        2,
        [ImageSpec("image")],
        FolderFinder({"image": "image.png", "label": "mask_{name}.png"}),
        label=LabelSpec({1: "radius", 2: "ulna"}, kind="channels", pairs=[(1, 2)]),
    )
    assert load_schema(STATED) == built == load_schema(built)
    assert built.regions == {"radius": (1,), "ulna": (2,)}, "by default each label by itself"
    assert built.label is not None
    assert (built.label.exclusive, built.label.channels) == (False, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"key": "image"}, {"key": "scout"}]}, r"has 'scout', but no file.*provides image, label"),
        (
            {"regions": {"arm": [1, 7]}},
            r"Region 'arm' .* consists of \[1, 7\], but the truth does not have these labels: it has \{1",
        ),
        ({"regions": {"nothing": []}}, r"Region 'nothing' .* consists of \[\]"),
        ({"label": None, "regions": {"arm": [1]}}, r"does not have these labels: it has no labels"),
        ({"images": [{"key": "image"}, {"key": "image"}]}, r"has the key 'image' twice"),
        ({"spatial_dims": 4}, r"spatial_dims \(=4\) must be 2 or 3"),
        ({"label": {"kind": "boxes", "names": {"1": "a"}}}, r"one of map, channels, polygons, got kind='boxes'"),
        (
            {"label": {"kind": "channels", "names": {"2": "a"}}},
            r"numbered 1, 2, .* in channel order, got \[2\]",
        ),
        ({"label": {"names": {"1": "a"}, "pairs": [[1, 2]]}}, r"pairs \[\(1, 2\)\] contain \[2\]"),
        ({"finder": {"by": "magic"}}, r"one of folder, file, table, class, got by='magic'"),
        ({"finder": {"by": "folder", "file": "x"}}, r"by='folder' does not accept"),
        ({"colour": "red"}, r"The schema 'hands' .* is invalid: .*colour"),
    ],
)
def test_a_schema_that_cannot_be_right_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_schema(stated(**changes))


def test_the_schema_of_the_guide_is_understood(tmp_path: Path) -> None:
    page = (REPO / "docs" / "how-to" / "another_kind_of_data.md").read_text(encoding="utf-8")
    block, outlines = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    kind = load_schema(json.loads(f"{{{block}}}")["scanfill"]["schema"])
    assert (kind.name, kind.regions["forearm"]) == ("wrist", (1, 2))
    (tmp_path / "outlines.json").write_text(outlines)
    assert set(read_outlines(tmp_path / "outlines.json", ["radius", "ulna"], (2048, 2048), "The guide")) == {"radius"}


def test_outlines_of_volumes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"outlines are drawn on 2-D images, but spatial_dims is 3"):
        load_schema(stated(spatial_dims=3, label={"kind": "polygons", "names": {"1": "x"}}))


def test_a_category_may_have_other_spellings() -> None:
    sex = ConditionSpec("sex", values=["F", "M"], aliases={"female": "F", "Male": "M"})
    assert [sex.read(text, "row 3") for text in ("F", "f", "Female", "male")] == ["F", "F", "F", "M"]
    with pytest.raises(CaseError, match=r"row 3: sex='x' is not one of F, M \(or female, Male\)"):
        sex.read("x", "row 3")
    with pytest.raises(UsageError, match=r"'sex' has aliases of \['W'\], but its categories are \['F', 'M'\]"):
        ConditionSpec("sex", values=["F", "M"], aliases={"woman": "W"})


def test_an_unknown_schema_names_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"Unknown schema 'brain'; known: .*brain_mri"):
        load_schema("brain")


@pytest.mark.parametrize(
    ("condition", "text", "message"),
    [
        (ConditionSpec("sex", values=["f", "m"]), "x", r"row 3: sex='x' is not one of f, m"),
        (ConditionSpec("age", range=(0, 120), unit="years"), "130", r"age=130 is not between 0 and 120 years"),
        (ConditionSpec("age"), "old", r"age='old' is not a number"),
    ],
)
def test_a_condition_that_cannot_be_right_is_refused(condition: ConditionSpec, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        condition.read(text, "row 3")


def test_a_condition_is_a_category_or_a_number() -> None:
    assert ConditionSpec("sex", values=["f", "m"]).read("f", "row") == "f"
    assert ConditionSpec("age", range=(0, 120)).read("61.5", "row") == 61.5
    with pytest.raises(UsageError, match="not both"):
        ConditionSpec("age", values=["old"], range=(0, 1))


@pytest.mark.parametrize("other", [{"range": (0, 1)}, {"values": ["old"]}])
def test_any_text_may_be_a_category(other: dict[str, Any]) -> None:
    condition = ConditionSpec("class", free=True)
    assert condition.is_category
    assert condition.read("000 Hand", "row") == "000 Hand"
    assert condition.read(12, "row") == "12"
    with pytest.raises(UsageError, match="is a category \\(any text\\)"):
        ConditionSpec("class", free=True, **other)


def test_the_brains_conventions_are_written_back_as_they_were() -> None:
    label = load_schema("brain_mri").label
    assert label is not None
    assert label.values_in_file("brats") == {1: 1, 2: 2, 3: 4}
    assert label.values_in_file("msd") == {2: 1, 1: 2, 3: 3}
    with pytest.raises(CaseError, match=r"label_convention=None: state the meaning .* with one of brats"):
        label.convention_of({"case_id": "c1"})

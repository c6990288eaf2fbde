"""Baking writes what MONAI would merge, into a text that still reads as a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.bundle import ConfigParser

from conftest import BUNDLES, REPO
from scanfill.engines.bake import bake, references
from scanfill.engines.overrides import find_overlays, read_overrides

if TYPE_CHECKING:
    from pathlib import Path

STORY = """\
# Purpose and command.
# Second line.

# --- options ---
size: [1, 2]                 # voxels
rate: 0.5

# --- what learns ---
network:
  _target_: Old             # the old one
  width: "@size"

  # inside
  layers:
    - {name: a}
    - name: b
      size: 3
# about the rest
inferer: {_target_: Whole}

# --- go ---
run: ["$@network", "$@inferer"]
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    file = tmp_path / "train.yaml"
    file.write_text(STORY)
    return file


def baked(story: Path, overlay: str = "", **options: Any) -> str:
    file = story.with_name("overlay.yaml")
    file.write_text(overlay)
    bake(story, read_overrides([file] if overlay else [], options))
    return story.read_text()


def test_an_entry_is_replaced_by_the_overlays_lines_and_comments_around_it_stay(story: Path) -> None:
    text = baked(story, "# why\nnetwork:\n  _target_: New   # newer\n  width: 5\n\nother: 1\n")
    middle = "# --- what learns ---\nnetwork:\n  _target_: New   # newer\n  width: 5\n# about the rest\ninferer:"
    assert middle in text
    assert text.startswith(
        "# Purpose and command.\n# Second line.\n#\n# This copy includes overlay.yaml.\n\n# --- options"
    )


def test_a_option_replaces_its_value_and_keeps_its_comment(story: Path) -> None:
    text = baked(story, size=(48, 48))
    assert "size: [48, 48]                 # voxels\n" in text
    assert "includes size=[48, 48]." in text


def test_nothing_to_bake_leaves_the_file_as_it_is(story: Path) -> None:
    assert baked(story) == STORY


def test_an_entry_that_nothing_refers_to_is_left_out(story: Path) -> None:
    text = baked(story, "loss: {_target_: Dice, rate: '@decay'}\ndecay: 1\nrate: 2\n")
    assert "loss" not in text
    assert "decay" not in text
    assert "rate: 2\n" in text


def test_an_entry_that_another_refers_to_is_put_before_it(story: Path) -> None:
    text = baked(story, 'inferer: {_target_: Window, roi: "@roi"}\nroi: "$@side * 2"  # voxels\nside: 4\n')
    place = [text.index(word) for word in ("\nside: 4", '\nroi: "$@side * 2"  # voxels', "\ninferer: {")]
    assert place == sorted(place)


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ("network#width: 7\n", {"_target_": "Old", "width": 7, "layers": [{"name": "a"}, {"name": "b", "size": 3}]}),
        ("network::layers: []\n", {"_target_": "Old", "width": "@size", "layers": []}),
        (
            "network#layers#1#size: '@rate'\n",
            {"_target_": "Old", "width": "@size", "layers": [{"name": "a"}, {"name": "b", "size": "@rate"}]},
        ),
        (
            "network#depth: 2\n",
            {"_target_": "Old", "width": "@size", "layers": [{"name": "a"}, {"name": "b", "size": 3}], "depth": 2},
        ),
        (
            "+network: {width: 1}\n",
            {"_target_": "Old", "width": 1, "layers": [{"name": "a"}, {"name": "b", "size": 3}]},
        ),
        (
            "+network#layers: [4]\n",
            {"_target_": "Old", "width": "@size", "layers": [{"name": "a"}, {"name": "b", "size": 3}, 4]},
        ),
    ],
)
def test_a_nested_id_or_a_merge_is_set_as_monai_sets_it(story: Path, overlay: str, expected: dict[str, Any]) -> None:
    original = story.with_name("original.yaml")
    original.write_text(STORY)
    text = baked(story, overlay)
    assert yaml.safe_load(text)["network"] == expected
    merged = ConfigParser.load_config_files([str(original), str(story.with_name("overlay.yaml"))])
    assert yaml.safe_load(text) == merged
    assert "# about the rest\ninferer" in text


def test_a_later_overlay_and_then_a_option_win(story: Path) -> None:
    first, second = story.with_name("first.yaml"), story.with_name("second.yaml")
    first.write_text("rate: 1\nnetwork: {width: 1}\n")
    second.write_text("rate: 2\nnetwork#width: 2\n")
    bake(story, read_overrides([first, second], {"rate": 3}))
    content = yaml.safe_load(story.read_text())
    assert (content["rate"], content["network"]) == (3, {"width": 2})


def test_a_part_of_an_entry_that_the_config_lacks_is_left_out(story: Path) -> None:
    assert baked(story, "validate#sampler: 1\n+handlers: [1]\n") == STORY


def test_a_missing_last_line_end_does_no_harm(story: Path) -> None:
    story.write_text("rate: '@size'\nrun: [$@rate]")
    assert "size: 3\nrate: '@size'\nrun: [$@rate]\n" in baked(story, "size: 3")


def test_it_tells_which_names_it_used(story: Path) -> None:
    assert bake(story, read_overrides([], {"rate": 1, "rat": 2})) == {"rate"}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_overlay_of_a_bundle_bakes_into_what_monai_merges(bundle: Path, tmp_path: Path) -> None:
    overlays = [
        file
        for file in sorted((bundle / "configs").glob("*.yaml"))
        if not {"run"} & set(ConfigParser.load_config_file(str(file)))
    ]
    for name, choices in (("train.yaml", [overlays]), ("inference.yaml", [overlays, *([file] for file in overlays)])):
        source, copy = bundle / "configs" / name, tmp_path / name
        for chosen in choices:
            copy.write_bytes(source.read_bytes())
            bake(copy, read_overrides(chosen, {"patch_size": [8, 8, 8]}))
            content = ConfigParser.load_config_file(str(copy))
            merged = ConfigParser.load_config_files([str(source), *map(str, chosen)]) | {"patch_size": [8, 8, 8]}
            assert content == {name: merged[name] for name in content}
            assert not (references(content) & set(merged)) - set(content), "nothing that is read is missing"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_", min_size=1), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(["size", "rate", "network", "inferer", "network#width"]), VALUES, max_size=4))
def test_any_option_reads_back_as_given(tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]) -> None:
    if "network" in options:
        options.pop("network#width", None)
    file = tmp_path_factory.mktemp("baked") / "train.yaml"
    file.write_text(STORY, encoding="utf-8")
    bake(file, read_overrides([], options))
    expected = ConfigParser(yaml.safe_load(STORY))
    expected.update(options)
    assert ConfigParser.load_config_file(str(file)) == {name: expected[name] for name in yaml.safe_load(STORY)}


def test_what_a_preset_says_of_itself_is_not_packed() -> None:
    (preset,) = find_overlays(REPO / "bundles" / "brain_tumor_segmentation", "augmentation/mri.yaml")
    assert "_made_for_" in preset.read_text()
    assert [override.name for override in read_overrides([preset], {})] == ["raw_augmentation", "augmentation"]

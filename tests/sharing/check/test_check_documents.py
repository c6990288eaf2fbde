"""Configs are read with their lines, merged as MONAI merges them, and refused with the place of the mistake."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.bundle import ConfigParser

from scanfill.errors import UsageError
from scanfill.sharing.check.document import Document, Node, read_document, read_file
from scanfill.sharing.check.merge import merge

if TYPE_CHECKING:
    from pathlib import Path

SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(alphabet=string.printable, max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_", min_size=1), inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.dictionaries(st.text("abc_", min_size=1, max_size=3), VALUES, max_size=4)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{place}: &a{place} [{', '.join([f'*a{place - 1}'] * 10)}]\n" for place in range(1, 9)
)

MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{place}: &a{place} {{<<: [{', '.join([f'*a{place - 1}'] * 10)}]}}\n" for place in range(1, 12)
)


def plain(node: Node) -> Any:
    """Content without the places."""
    if isinstance(node.value, dict):
        return {name: plain(child) for name, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def document(text: str, name: str = "train.yaml") -> Document:
    return read_document(name, text)


@settings(max_examples=60, deadline=None)
@given(CONTENTS)
def test_json_is_read_as_python_reads_it(content: dict[str, Any]) -> None:
    for indent in (None, 2):
        assert plain(document(json.dumps(content, indent=indent), "train.json").root) == content


@settings(max_examples=60, deadline=None)
@given(CONTENTS, st.booleans())
def test_yaml_is_read_as_pyyaml_reads_it(content: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(content, default_flow_style=flow)
    assert plain(document(text).root) == yaml.safe_load(text)


def test_entries_know_their_lines() -> None:
    text = "a: 1\nb:\n  - {c: 2,\n     d: 3}\n  # a comment\n  - e: |\n      long\n      text\n\nf: [1, 2]\n"
    root = document(text).root
    places = {name: (node.line, node.end) for name, node in root.children()}
    assert places == {"a": (1, 1), "b": (2, 9), "f": (10, 10)}
    assert [(item.line, item.end) for item in root.value["b"].value] == [(3, 4), (6, 9)]


def test_entries_of_json_know_their_lines() -> None:
    text = '{\n\t"a": 1,\n\t"b":\n\t\t[2,\n\t\t{"c": "x,y{}[]:"}\n\t\t]\n}\n'
    root = document(text, "train.json").root
    assert {name: (node.line, node.end) for name, node in root.children()} == {"a": (2, 2), "b": (3, 6)}
    assert root.value["b"].value[1].line == 5


def test_anchors_and_merge_keys_are_followed() -> None:
    text = "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nsame: *base\n"
    assert plain(document(text).root)["more"] == {"a": 1, "b": 3}
    assert plain(document(text).root)["same"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("train.yaml", "a: 1\nb: [1, 2\nc: 3\n", "line 3, column 2: this is not YAML"),
        ("train.yaml", "a: 1\n  b: 2\n", "line 2, column 4: this is not YAML"),
        ("train.yaml", "a: 1\nb: \x07\n", "line 2, column 4: this is not YAML"),
        ("train.yaml", "a: !!python/object:os.system x\n", "line 1, column 4: this is not YAML"),
        ("train.yaml", "a: &a [*a]\n", "line 1, column"),
        ("train.json", '{"a": 1,\n "b": 2,}\n', "line 2, column 9: this is not JSON"),
        ("train.json", "a: 1\n", "line 1, column 1: this is not JSON"),
        ("train.yaml", "a: 1\nb: 2020-13-45\n", "line 2, column 4: this is not YAML: month must be"),
        pytest.param("train.yaml", "a: " + "[" * 300 + "]" * 300, "more than 100 levels", id="deep YAML"),
        pytest.param("train.yaml", "a: " + "[" * 1200 + "]" * 1200, "more than 100 levels", id="very deep YAML"),
        pytest.param("train.json", '{"a":' + "[" * 300 + "]" * 300 + "}", "more than 100 levels", id="deep JSON"),
        pytest.param("train.json", '{"a":' + "[" * 99999 + "]" * 99999 + "}", "100 levels", id="very deep JSON"),
        pytest.param("train.yaml", LAUGHS, "more than 200000 values", id="anchors of anchors"),
        (
            "train.yaml",
            "a: !!python/object/apply:os.system [x]\n",
            "line 1, column 4: this is not YAML: it has the tag",
        ),
        ("train.yaml", "a: {b: !!python/object:os.path {c: 1}}\n", "os.path', which neither MONAI nor this check runs"),
        ("train.yaml", "a: !mine [1]\n", "it has the tag '!mine'"),
        ("train.yaml", "!!python/name:os.system : 1\n", "line 1, column 1: this is not YAML"),
        ("train.yaml", "? [a, b]\n: 1\n", "a list or a mapping cannot be the name of an entry"),
        pytest.param("train.yaml", MERGES, "more than 200000 values", id="merges of merges"),
        pytest.param("train.yaml", "a: &a {<<: *a}\n", "train.yaml, line", id="a merge of itself"),
        pytest.param("train.json", '{"a": ' + "1" * 5000 + "}", "this is not JSON", id="digits in JSON"),
        pytest.param("train.yaml", "a: " + "1" * 5000, "this is not YAML", id="digits in YAML"),
        ("train.yaml", "", "it is empty"),
        ("train.yaml", "- 1\n", "it is a list"),
        ("train.yaml", "just words\n", "it is a str"),
    ],
)
def test_what_is_no_config_is_refused_with_its_place(name: str, text: str, place: str) -> None:
    with pytest.raises(UsageError, match=f"^{name}.*") as refused:
        document(text, name)
    assert place in str(refused.value)


@settings(max_examples=25, deadline=None)
@given(st.lists(CONTENTS, min_size=1, max_size=3))
def test_whole_entries_merge_as_monai_merges_them(
    tmp_path_factory: pytest.TempPathFactory, contents: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    files = [folder / f"{place}.json" for place in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_text(json.dumps(content))
    merged = merge([document(file.read_text(), str(file)) for file in files])
    assert plain(merged) == ConfigParser.load_config_files([str(file) for file in files])


@pytest.mark.parametrize(
    "overlay",
    [
        "train#trainer#max_epochs: 2",
        "train::trainer: {_target_: Other}",
        "train#handlers#1: {b: 2}",
        "+train#handlers: [3]",
        "+train: {more: 1}",
        "train: null",
        "+train#trainer: {max_epochs: 3, amp: true}",
    ],
)
def test_parts_of_entries_merge_as_monai_merges_them(overlay: str, tmp_path: Path) -> None:
    base = "train: {trainer: {_target_: Trainer, max_epochs: 9}, handlers: [{a: 1}, 2]}\n"
    files = [tmp_path / "base.yaml", tmp_path / "overlay.yaml"]
    files[0].write_text(base)
    files[1].write_text(overlay)
    merged = merge([document(file.read_text(), str(file)) for file in files])
    assert plain(merged) == ConfigParser.load_config_files([str(file) for file in files])


def test_merging_leaves_the_documents_alone() -> None:
    base, overlay = document("a: {b: 1}\nl: [1]"), document("a#b: 2\n+l: [2]")
    assert plain(merge([base, overlay])) == {"a": {"b": 2}, "l": [1, 2]}
    assert plain(base.root) == {"a": {"b": 1}, "l": [1]}


@pytest.mark.parametrize(
    ("overlay", "words"), [("+a: [1]", "joins a list with the dict"), ("l#5: 1", "no entry 5 in the list")]
)
def test_what_cannot_be_merged_is_refused(overlay: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        merge([document("a: {b: 1}\nl: [1]"), document(overlay, "overlay.yaml")])


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.yaml", "a: 1\nb: {c: 1,\n c: 2}\na: 3\n"), ("t.json", '{"a": 1,\n"b": {"c": 1,\n"c": 2},\n"a": 3}')],
)
def test_an_entry_that_is_written_twice_is_known_with_both_places(name: str, text: str) -> None:
    repeated = {word: (first.line, last.line) for word, first, last in document(text, name).repeated}
    assert repeated == {"a": (1, 4), "c": (2, 3)}


def test_a_file_too_large_for_a_config_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("a: [" + "1, " * 500_000 + "]")
    with pytest.raises(UsageError, match=r"too large for a config \(1\.5 MB; the limit is 0.3 MB\)"):
        read_file(file, "train.yaml")

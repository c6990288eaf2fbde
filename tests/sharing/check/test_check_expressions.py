"""References, macros and plain expressions are followed; nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.errors import UsageError
from scanfill.sharing.check.config import Config
from scanfill.sharing.check.document import Node, read_document
from scanfill.sharing.check.expression import UNKNOWN, Items

if TYPE_CHECKING:
    from pathlib import Path

IDS = """
size: [96, 96, 64]
names: [t1, t2]
deep: {er: {name: x, all: "@names"}, "same": "@#er#name", up: "%::er::name"}
flag: true
absent: null
image: $monai.utils.CommonKeys.IMAGE
network: {_target_: UNet, spatial_dims: 3}
round: "@trip"
trip: "@round"
macro: "%names"
"""


def config(text: str) -> Config:
    return Config([read_document("train.yaml", f"{IDS}\n{text}\n")])


MADE = config("")


def value(expression: str) -> Any:
    return MADE.value(Node(expression, "train.yaml", 1, 1))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@names", ["t1", "t2"]),
        ("@names#1", "t2"),
        ("@deep::er::all", ["t1", "t2"]),
        ("@deep#same", "x"),
        ("@deep#up", "x"),
        ("@macro", ["t1", "t2"]),
        ("@image", "image"),
        ("$@names + ['label']", ["t1", "t2", "label"]),
        ("$[@image, 'label'][::-1]", ["label", "image"]),
        ("$['acquired_' + name for name in @names]", ["acquired_t1", "acquired_t2"]),
        ("$[*@names, 'x']", ["t1", "t2", "x"]),
        ("$len(@size) * 2", 6),
        ("$-@size[0] // 2 + 0.5", -47.5),
        ("$(monai.utils.GridSampleMode.BILINEAR, monai.utils.GridSampleMode.NEAREST)", ["bilinear", "nearest"]),
        ("$monai.utils.InterpolateMode.NEAREST_EXACT", "nearest-exact"),
        ("$'a' if @flag else 'b'", "a"),
        ("$'a' if @absent is None else 'b'", "a"),
        ("$'a' if @flag in (None, 'none') else 'b'", "b"),
        ("$@absent or 'inferer'", "inferer"),
        ("$not @flag", False),
        ("$2 * [1]", [1, 1]),
        ("$int('5')", 5),
        ("$os.path.join('a', 'b.json')", "a/b.json"),
    ],
)
def test_what_is_plain_is_told(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "$__import__('os').system('false')",
        "$open('x').read()",
        "$import os",
        "$@nobody",
        "@nobody",
        "$lambda x: x",
        "$[0] * 1000000000",
        "$'a' * 10000000",
        "$1 / 0",
        "$@names[::0]",
        "$'%999999999d' % 1",
        "$__id__()",
        "$__id__([1])",
        pytest.param("$" + "1+" * 3000 + "1", id="thousands of terms"),
        pytest.param("$" + "(" * 5000 + "1" + ")" * 5000, id="thousands of brackets"),
        "$(",
        "$int('five')",
        "@round",
        "$@names[9]",
        "$@size.copy",
        "$'a' if torch.cuda.is_available() else 'b'",
    ],
)
def test_what_only_running_would_tell_stays_unknown(expression: str) -> None:
    assert value(expression) is UNKNOWN or isinstance(value(expression), Node)


def test_a_list_with_an_unknown_part_says_that_it_is_not_all() -> None:
    items = value("$@names + some.function(@names)")
    assert items == ["t1", "t2"]
    assert not items.complete
    assert value("$@names + ['x']").complete


def test_where_the_condition_is_unknown_either_list_may_be_meant() -> None:
    items = value("$['a'] if torch.cuda.is_available() else ['b']")
    assert items == ["a", "b"]
    assert not items.complete


def test_a_call_in_an_expression_is_a_component_with_its_arguments() -> None:
    made = config("x: \"$monai.transforms.Compose([monai.transforms.LoadImaged(['a'], reader=@image)]).to(@flag)\"")
    names = {component.name: component for _, component in made.components()}
    assert set(names) == {"UNet", "Compose", "LoadImaged"}
    assert names["LoadImaged"].argument("keys") == ["a"]
    assert names["LoadImaged"].argument("reader") == "image"


@pytest.mark.parametrize("rest", ["1, 'nearest'", "**@more", "*@more"])
def test_what_a_call_gives_without_a_name_is_unknown(rest: str) -> None:
    made = config(f"x: \"$monai.transforms.Spacingd(['a'], {rest})\"")
    call = next(component for _, component in made.components() if component.name == "Spacingd")
    assert call.argument("keys") == ["a"]
    assert call.argument("mode", "bilinear") is UNKNOWN


@pytest.mark.parametrize("twice", ["$@a{0} + @a{0}", "['@a{0}', '@a{0}']"])
def test_lists_of_lists_of_lists_are_refused(twice: str) -> None:
    text = "".join(f"a{place}: {twice.format(place - 1)}\n" for place in range(1, 20))
    made = config(f"a0: [{{_target_: RandFlipd, keys: x}}]\n{text}")
    with pytest.raises(UsageError, match=r"train.yaml, line .* more than 100000 values"):
        made.look_up("a19")


def test_a_repeated_list_that_is_not_complete_stays_so() -> None:
    assert not value("$(@names + some.function()) * 1").complete


def test_a_disabled_component_is_none() -> None:
    text = "x: {_target_: A, _disabled_: $not @flag}\ny: {_target_: B, _disabled_: $@flag}\n"
    made = config(f"{text}z: {{_target_: C, _disabled_: ' TRUE '}}")
    assert {component.name for _, component in made.components()} == {"UNet", "A"}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="@$%#:+-*/()[]{}'.,_ aein01", max_size=25))
def test_no_text_makes_it_stop_and_plain_text_stays(text: str) -> None:
    made = value(text)
    assert made == text or any(sign in text for sign in "@$%")


def test_a_macro_of_a_file_is_read_from_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text("transforms: [{_target_: LoadImaged, keys: a}]\nname: b\n")
    document = read_document("train.yaml", "x: '%common.yaml#name'\ny: '%common.yaml::transforms'\n")
    made = Config([document], folders=[tmp_path])
    assert made.look_up("x") == "b"
    assert isinstance(made.look_up("y"), Items)


def test_files_that_include_themselves_or_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: '%b.yaml::x'\ny: 1\nz: '%a.yaml::y'\n")
    (tmp_path / "b.yaml").write_text("x: '%a.yaml::x'\ny: '%a.yaml::y'\n")
    document = read_document("a.yaml", (tmp_path / "a.yaml").read_text() + "w: '%b.yaml::y'\n")
    made = Config([document], folders=[tmp_path])
    assert (made.look_up("w"), made.look_up("z")) == (1, 1)
    assert made.look_up("x") is UNKNOWN
    assert len(made.included) == 2


def test_an_include_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"a.yaml is not text in UTF-8 \(byte 0\)"):
        Config([read_document("train.yaml", "x: '%a.yaml#name'")], folders=[tmp_path])


def test_an_include_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    document = read_document("train.yaml", "a: 1\nx:\n  - '%configs/comon.yaml#name'\n")
    with pytest.raises(UsageError, match=r"train.yaml, line 3: includes 'configs/comon.yaml', which is missing"):
        Config([document], folders=[tmp_path])

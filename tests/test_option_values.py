"""Types and ranges of options, by name, annotation or default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fire.parser import DefaultParseValue
from hypothesis import given
from hypothesis import strategies as st

from scanfill.errors import UsageError
from scanfill.option_values import is_true, override_value, range_of, split_list, split_paths

COMPONENT = {"_target_": "scanfill.engines.find_device", "name": "auto"}
NAMES = ["t1", "t1ce", "t2", "flair"]


def meant(name: str, text: str, default: Any) -> Any:
    """The value of an override that MONAI gets from Fire."""
    return override_value(name, DefaultParseValue(text), default, text)


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on", True, 1])
def test_words_for_true_are_true(value: str | bool | int) -> None:
    assert is_true(value) is True


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", "None", "", None, False, 0])
def test_words_for_false_are_false(value: str | bool | int | None) -> None:
    assert is_true(value) is False


def test_another_word_is_no_switch() -> None:
    with pytest.raises(ValueError, match="'maybe'"):
        is_true("maybe")


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("flair", ["flair"]),
        ("t1ce,flair", ["t1ce", "flair"]),
        ("t1ce, flair", ["t1ce", "flair"]),
        ("['t1ce', 'flair']", ["t1ce", "flair"]),
        ('["t1ce","flair",]', ["t1ce", "flair"]),
        ("(t1ce, flair)", ["t1ce", "flair"]),
        ("[t1]", ["t1"]),
        ("['a,b', c]", ["a,b", "c"]),
        ("2024,1e5", ["2024", "1e5"]),
        ("[]", []),
    ],
)
def test_a_list_is_read_however_it_is_written(text: str, entries: list[str]) -> None:
    assert split_list(text) == entries


@pytest.mark.parametrize(
    "text", ["", " ", ",", "a,,b", "a,", "[a", "a]", "[[a]]", "['a]", "['a' 'b']", "{a: 1}", "(a]"]
)
def test_what_is_no_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the message is that of the option
        split_list(text)


@given(st.lists(st.from_regex(r"[abc12é][abc12é._ -]*[abc12é]", fullmatch=True), min_size=1))
def test_a_list_as_python_writes_it_is_read_back(entries: list[str]) -> None:
    assert split_list(str(entries)) == split_list(",".join(entries)) == entries


@pytest.mark.parametrize(
    "text", ["2024", "raw#1", "1e5", "[a]", "{a: b}", "a b", "it's", "Größe", "1_000", "0x10", "a,b"]
)
@pytest.mark.parametrize(("name", "default"), [("dataset_dir", COMPONENT), ("ckpt_dir", "$@bundle_root + '/models'")])
def test_a_path_is_what_was_written(text: str, name: str, default: Any) -> None:
    assert meant(name, text, default) == text


def test_a_path_in_the_quotes_that_fire_needs_is_the_path() -> None:
    assert meant("dataset_dir", "'2024'", COMPONENT) == "2024"


@pytest.mark.parametrize("text", ["None", "True", "False"])
def test_a_path_that_has_no_value_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--dataset_dir \(={text}\).*\./{text}"):
        meant("dataset_dir", text, COMPONENT)
    assert meant("dataset_dir", f"./{text}", COMPONENT) == f"./{text}"


def test_none_stays_none_where_it_is_the_default() -> None:
    assert meant("datalist", "None", None) is None
    assert meant("pretrained", "None", None) is None


def test_a_name_that_looks_like_a_number_stays_a_name() -> None:
    assert meant("labels", "2023", "auto") == "2023"
    assert meant("modalities", "1,2", NAMES) == ["1", "2"]


@pytest.mark.parametrize("name", ["modalities", "cases#modalities", "sources", "raw_keys", "leave_out"])
def test_one_name_is_a_list_where_the_config_has_one(name: str) -> None:
    default = [] if name == "leave_out" else NAMES
    assert meant(name, "flair", default) == ["flair"]
    assert meant(name, "t1ce,flair", default) == ["t1ce", "flair"]
    assert meant(name, "['t1ce', 'flair']", default) == ["t1ce", "flair"]


@pytest.mark.parametrize("text", ["@other", "$2 * 3", "%file.yaml::a", "$[@a, 2]"])
@pytest.mark.parametrize("default", [5, "auto", NAMES, [48, 48], True, None, COMPONENT])
def test_references_and_expressions_are_left_alone(text: str, default: Any) -> None:
    for name in ("max_epochs", "dataset_dir", "modalities", "patch_size", "device", "spacing"):
        assert meant(name, text, default) == text


def test_a_component_replaces_a_path_or_a_component() -> None:
    phantoms = {"_target_": "scanfill.domains.brain_mri.phantoms.brain_cohort", "folder": "x"}
    assert override_value("dataset_dir", phantoms, COMPONENT, str(phantoms)) == phantoms
    assert meant("optimizer", "{'_target_': 'torch.optim.SGD'}", COMPONENT) == {"_target_": "torch.optim.SGD"}


@pytest.mark.parametrize(
    ("name", "text", "default", "value"),
    [
        ("max_epochs", "3", 35, 3),
        ("max_epochs", "1e3", 35, 1000),
        ("train#trainer#max_epochs", "3", "@max_epochs", 3),
        ("val_interval", "1000000000", 1, 10**9),
        ("validation", "0", 0.2, 0),
        ("validation", "0.5", 0.2, 0.5),
        ("tumour_weight", "0.5", 5, 0.5),
        ("average", "None", 0.999, None),
        ("clip_norm", "2.5", None, 2.5),
        ("seed", "0", 0, 0),
        ("patch_size", "[24, 24, 24]", [48, 48, 48], [24, 24, 24]),
        ("patch_size", "24,24,24", [48, 48, 48], [24, 24, 24]),
        ("spacing", "[1, 1, 1.5]", COMPONENT, [1, 1, 1.5]),
        ("resume", "True", False, True),
        ("resume", "true", False, True),
        ("availability", "no", False, False),
        ("tta_axes", "[0, 1]", None, [0, 1]),
        ("about", "{'a': 1}", {}, {"a": 1}),
        ("network_def#channels", "[8, 16]", [16, 32, 64], [8, 16]),
        ("network_def#spatial_dims", "2", 3, 2),
        ("optimizer#lr", "1e-3", 0.1, 1e-3),
    ],
)
def test_a_good_value_is_taken(name: str, text: str, default: Any, value: Any) -> None:
    taken = meant(name, text, default)
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "default", "allowed"),
    [
        ("max_epochs", "abc", 35, "a whole number, 1 or more"),
        ("max_epochs", "0", 35, "a whole number, 1 or more"),
        ("max_epochs", "1.5", 35, "a whole number, 1 or more"),
        ("max_epochs", "None", 35, "a whole number"),
        ("max_epochs", "True", 35, "a whole number"),
        ("max_epochs", "[4, 5]", 35, "a whole number"),
        ("train#trainer#max_epochs", "-2", "@max_epochs", "a whole number, 1 or more"),
        ("batch_size", "0", 10, "1 or more"),
        ("batch_size", "-1", 10, "1 or more"),
        ("epoch_length", "0", 10, "1 or more"),
        ("val_interval", "0", 1, "1 or more"),
        ("num_workers", "-1", 0, "0 or more"),
        ("cache_num", "many", 24, "0 or more"),
        ("seed", "x", 0, "a whole number from 0 to 4294967295"),
        ("seed", "-1", 0, "from 0"),
        ("validation", "1.5", 0.2, "a number from 0 to below 1"),
        ("validation", "-0.1", 0.2, "a number from 0 to below 1"),
        ("validation", "20%", 0.2, "a number from 0 to below 1"),
        ("learning_rate", "0", 2e-4, "a number above 0"),
        ("learning_rate", "nan", 2e-4, "a number above 0"),
        ("optimizer#lr", "high", 2e-4, "a number, 0 or more"),
        ("l1_weight", "-1", 100, "a number, 0 or more"),
        ("average", "1", 0.9, "a number from 0 to below 1, or None"),
        ("clip_norm", "0", None, "a number above 0, or None"),
        ("patch_size", "48", [64, 64, 64], r"a list of 3 values, like \"\[48, 48, 48\]\""),
        ("patch_size", "[-9, 9, 9]", [64, 64, 64], "each a whole number, 1 or more"),
        ("patch_size", "[9, 9]", [64, 64, 64], "a list of 3"),
        ("patch_size", "[9, 9, 9.5]", [64, 64, 64], "a list of 3"),
        ("patch_size", "[9, 9, 9", [64, 64, 64], "a list of 3"),
        ("spacing", "1", COMPONENT, r"a list of such values, like \"\[1, 1, 1\]\", each a number above 0"),
        ("spacing", "[1, 1, 0]", COMPONENT, "each a number above 0"),
        ("spacing", "None", COMPONENT, "each a number above 0"),
        ("device", "gpu", COMPONENT, "auto, cpu, cuda, or one GPU, such as cuda:0"),
        ("device", "cuda:", COMPONENT, "auto, cpu, cuda"),
        ("device", "0", COMPONENT, "auto, cpu, cuda"),
        ("resume", "maybe", False, "True or False"),
        ("resume", "2", False, "True or False"),
        ("modalities", "[t1, [t2]]", NAMES, "a name, or several"),
        ("modalities", "t1,,t2", NAMES, "a name, or several"),
        ("dataset_dir", "", COMPONENT, "not empty"),
        ("network_def#channels", "16", [16, 32], "a list of such values"),
        ("network_def#filters", "many", 32, "a number"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_with_what_is_allowed(
    name: str, text: str, default: Any, allowed: str
) -> None:
    with pytest.raises(UsageError, match=rf"^--{name} \(=.*\) must be .*{allowed}") as refused:
        meant(name, text, default)
    assert "\n" not in str(refused.value)


def test_a_value_of_an_args_file_has_its_type_already() -> None:
    assert override_value("dataset_dir", 2024, COMPONENT) == "2024"
    assert override_value("modalities", "flair", NAMES) == ["flair"]
    assert override_value("max_epochs", 3, 35) == 3
    with pytest.raises(UsageError, match="1 or more"):
        override_value("max_epochs", 0, 35)


def test_auto_stands_for_the_device_that_the_config_finds() -> None:
    assert meant("device", "auto", COMPONENT) == COMPONENT
    assert meant("device", "cuda:1", COMPONENT) == COMPONENT | {"name": "cuda:1"}
    assert meant("device", "cpu", "cuda") == "cpu"


@given(st.integers(-(2**40), 2**40), st.sampled_from(["folds", "seed", "workers", "other"]))
def test_a_number_is_read_as_it_is_or_refused(number: int, name: str) -> None:
    numbers = range_of(name, whole=True)
    if numbers.least <= number < numbers.below:
        assert numbers.read(str(number)) == number
    else:
        with pytest.raises(UsageError, match=f"--{name} "):
            numbers.kind.value(f"--{name}", str(number))


def test_files_are_separate_words_or_joined_by_commas(tmp_path: Path) -> None:
    (tmp_path / "a,b").touch()
    assert split_paths(["2024", "a,b", "['a', b]", "[a", str(tmp_path / "a,b")]) == [
        "2024",
        "a",
        "b",
        "a",
        "b",
        "[a",
        str(tmp_path / "a,b"),
    ]

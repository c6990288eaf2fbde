"""The words of a command line are checked before a verb runs."""

from __future__ import annotations

import inspect
from typing import Any

import fire
import pytest

from scanfill.__main__ import VERBS
from scanfill.cli_args import checked_words, read_with_types, typed_options
from scanfill.errors import UnknownOptionError, UsageError

CALLS: list[dict[str, Any]] = []


def sort_out(
    folder: str,
    output: str = "out",
    modalities: list[str] | None = None,
    *,
    folds: int = 5,
    spacing: float = 1.0,
    check_skull: bool = True,
) -> None:
    """Stand for a verb."""
    CALLS.append({**locals()})


def gather(first: str, *more: str, out: str, set: str | None = None) -> None:  # noqa: A002
    """Stand for a verb with any number of arguments."""
    CALLS.append({**locals()})


def pass_on(kind: str, cases: int = 3, **options: str) -> None:
    """Stand for a verb that passes its options on."""
    CALLS.append({"kind": kind, "cases": cases, **options})


STANDINS = {function.__name__: function for function in (sort_out, gather, pass_on)}


def called(*words: str) -> dict[str, Any]:
    CALLS.clear()
    checked = checked_words(STANDINS, words)
    fire.Fire({name: read_with_types(verb) for name, verb in STANDINS.items()}, command=checked)
    assert len(CALLS) == 1
    return CALLS[0]


NAMES = [
    "2024",
    "raw#1",
    "1e5",
    "[a]",
    "None",
    "True",
    "a b",
    "it's",
    '"a"',
    "Größe",
    "{a: b}",
    "a=b",
    "-1",
    "0x1",
    "$x",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_what_was_written(name: str) -> None:
    assert called("sort_out", name)["folder"] == name
    assert called("sort_out", "x", "--output", name)["output"] == name
    assert called("sort_out", "x", f"-o={name}")["output"] == name
    assert called("gather", "x", name, "y", "--out", name)["more"] == (name, "y")
    assert called("pass_on", "x", "--id", name)["id"] == name


@pytest.mark.parametrize("text", ["t1ce,flair", "['t1ce','flair']", "[t1ce, flair]", "(t1ce,flair)"])
def test_a_list_is_read_however_it_is_written(text: str) -> None:
    assert called("sort_out", "x", "--modalities", text)["modalities"] == ["t1ce", "flair"]


def test_one_name_is_a_list() -> None:
    assert called("sort_out", "x", "-m", "flair")["modalities"] == ["flair"]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([], True),
        (["--check_skull"], True),
        (["--check-skull"], True),
        (["--nocheck_skull"], False),
        (["--check_skull=False"], False),
        (["--check_skull=false"], False),
        (["--check_skull", "no"], False),
        (["--check_skull", "True"], True),
    ],
)
def test_a_switch_is_read_however_it_is_written(words: list[str], value: bool) -> None:
    assert called("sort_out", "x", *words)["check_skull"] is value


def test_a_switch_leaves_the_next_word_alone() -> None:
    assert called("sort_out", "--check_skull", "raw")["folder"] == "raw"
    assert called("sort_out", "--nocheck_skull", "raw", "out")["output"] == "out"


def test_numbers_are_numbers() -> None:
    call = called("sort_out", "x", "--folds=3", "--spacing", "2")
    assert (call["folds"], call["spacing"]) == (3, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sort_out", "x", "--dryrun"], "sort_out has no option --dryrun; there are --folder, --output"),
        (["sort_out", "x", "--spacin", "4"], r"no option --spacin; did you mean --spacing\?"),
        (["sort_out", "x", "--spacin=4"], r"no option --spacin; did you mean --spacing\?"),
        (["sort_out", "x", "--fold", "4"], r"did you mean --fold"),
        (["sort-uot"], r"There is no verb 'sort-uot'; did you mean sort_out\?"),
        (["xyz"], "There is no verb 'xyz'; there are sort_out, gather, pass_on"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(words: list[str], message: str) -> None:
    with pytest.raises(UnknownOptionError, match=message):
        checked_words(STANDINS, words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sort_out"], "sort_out: folder is missing: python -m scanfill sort_out FOLDER "),
        (["gather", "x"], r"gather: out is missing: python -m scanfill gather FIRST \.\.\. --out OUT "),
        (["gather"], "gather: first and out are missing"),
        (
            ["sort_out", "a", "b", "c", "d"],
            "sort_out: unexpected argument 'd': python -m scanfill sort_out FOLDER",
        ),
        (["sort_out", "a", "b", "--output", "c", "flair", "x"], "unexpected argument 'flair x'"),
        (["sort_out", "a", "--output"], "--output has no value"),
        (["sort_out", "a", "--output", "--folds", "3"], "--output has no value"),
        (["sort_out", "a", "--output="], r"--output \(=''\) must be a text that is not empty"),
        (["sort_out", ""], r"sort_out: folder \(=''\) must be a text that is not empty"),
        (["sort_out", "a", "-"], "'-' alone"),
        (["sort_out", "a", "--", "--trace"], "'--' alone"),
        (["sort_out", "a", "-f", "3"], "-f can mean --folder or --folds"),
        (["sort_out", "a", "--folds", "3", "--folds", "4"], "Write --folds once; it was given twice"),
        (["sort_out", "a", "--folds", "one"], r"--folds \(='one'\) must be a whole number, 2 or more"),
        (["sort_out", "a", "--folds", "1"], "a whole number, 2 or more"),
        (["sort_out", "a", "--folds", "2.5"], "a whole number, 2 or more"),
        (["sort_out", "a", "--spacing", "-4"], "a number above 0"),
        (["sort_out", "a", "--spacing", "nan"], "a number above 0"),
        (["sort_out", "a", "--check_skull=maybe"], "--check_skull .* True or False"),
        (["sort_out", "a", "b", "t1,,t2"], "sort_out: modalities .* must be a name, or several"),
        (["pass_on", "brain", "--cases", "0"], "a whole number, 1 or more"),
    ],
)
def test_a_mistake_is_told_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as told:
        checked_words(STANDINS, words)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("words", [["sort_out", "--help"], ["sort_out", "-h"], ["sort_out", "a", "--", "--help"]])
def test_help_is_asked_for_in_any_place(words: list[str]) -> None:
    assert checked_words(STANDINS, words) == ["sort_out", "--", "--help"]


def test_options_of_another_function_get_its_types() -> None:
    assert typed_options(sort_out, {"folds": "3", "check_skull": "no"}) == {"folds": 3, "check_skull": False}
    assert called("pass_on", "x", "--noskull") == {"kind": "x", "cases": 3, "skull": "False"}
    assert called("pass_on", "x", "--skull", "-c", "5") == {"kind": "x", "cases": 5, "skull": "True"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_describes_each_of_its_options(verb: str) -> None:
    described = inspect.getdoc(VERBS[verb]) or ""
    for name in inspect.signature(VERBS[verb]).parameters:
        assert f"\n    {name}: " in described

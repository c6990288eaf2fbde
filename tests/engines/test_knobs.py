"""Knobs of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.engines import check_knobs, is_true
from scanfill.errors import UnknownKnobError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "train.yaml"
    path.write_text("max_epochs: 5\nresume: false\ntrain: {trainer: {max_epochs: '@max_epochs'}}\nrun: []\n")
    return str(path)


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on", True, 1])
def test_words_for_true_are_true(value: str | bool | int) -> None:
    assert is_true(value) is True


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", "None", "", None, False, 0])
def test_words_for_false_are_false(value: str | bool | int | None) -> None:
    assert is_true(value) is False


def test_another_word_is_no_switch() -> None:
    with pytest.raises(ValueError, match="'maybe'"):
        is_true("maybe")


@pytest.mark.parametrize("knob", ["--max_epoch", "--max_epoch=3", "--max-epoch"])
def test_a_misspelt_knob_is_told_with_the_nearest_name(config: str, knob: str) -> None:
    with pytest.raises(UnknownKnobError, match="--max_epochs"):
        check_knobs(["run", "--config_file", config, knob, "3"])


def test_a_misspelt_nested_knob_is_an_error(config: str) -> None:
    with pytest.raises(UnknownKnobError, match="train#trainer#epochs"):
        check_knobs(["run", "--config_file", config, "--train#trainer#epochs", "3"])


@pytest.mark.parametrize(("word", "right"), [("false", "False"), ("null", "None")])
def test_a_word_that_would_arrive_as_a_true_string_is_refused(config: str, word: str, right: str) -> None:
    with pytest.raises(UsageError, match=rf"--resume {right}"):
        check_knobs(["run", "--config_file", config, "--resume", word])
    check_knobs(["run", "--config_file", config, "--resume", right])


def test_knobs_of_the_config_and_of_monai_pass(config: str) -> None:
    check_knobs(
        ["run", "--config_file", config, "--max_epochs", "-1", "--train#trainer#max_epochs=2", "--logging_file", "x"]
    )


def test_ids_of_tracking_pass_only_with_tracking(config: str) -> None:
    check_knobs(["run", f"--config_file={config}", "--tracking", "mlflow", "--experiment_name", "x"])
    with pytest.raises(UnknownKnobError, match="experiment_name"):
        check_knobs(["run", f"--config_file={config}", "--experiment_name", "x"])


def test_a_knob_that_only_an_overlay_has_is_known(config: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("extra: 1\n")
    check_knobs(["run", "--config_file", str([config, str(overlay)]), "--extra", "3"])


def test_the_config_named_in_an_args_file_is_read(config: str, tmp_path: Path) -> None:
    arguments = tmp_path / "args.json"
    arguments.write_text(f'{{"config_file": "{config}"}}')
    with pytest.raises(UnknownKnobError, match="max_epoch"):
        check_knobs(["run", "--args_file", str(arguments), "--max_epoch", "3"])


def test_only_the_command_line_of_monais_bundles_is_checked(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run", "--config_file", config, "--max_epoch", "3"]
    monkeypatch.setattr("sys.argv", ["pytest", *arguments])
    check_knobs()
    monkeypatch.setattr("sys.argv", ["site-packages/monai/bundle/__main__.py", *arguments])
    with pytest.raises(UnknownKnobError):
        check_knobs()

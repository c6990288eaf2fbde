"""Options of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanfill.engines import check_overrides
from scanfill.engines.command_line import meant_options, option_values, read_command_line
from scanfill.engines.renamed_ids import RENAMED_IDS
from scanfill.errors import UnknownOptionError, UsageError


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "train.yaml"
    path.write_text("max_epochs: 5\nresume: false\ntrain: {trainer: {max_epochs: '@max_epochs'}}\nrun: []\n")
    return str(path)


@pytest.mark.parametrize("option", ["--max_epoch", "--max_epoch=3", "--max-epoch"])
def test_a_misspelt_option_is_told_with_the_nearest_name(config: str, option: str) -> None:
    with pytest.raises(UnknownOptionError, match="--max_epochs"):
        check_overrides(["run", "--config_file", config, option, "3"])


def test_a_misspelt_nested_option_is_an_error(config: str) -> None:
    with pytest.raises(UnknownOptionError, match="train#trainer#epochs"):
        check_overrides(["run", "--config_file", config, "--train#trainer#epochs", "3"])


@pytest.mark.parametrize(("word", "right"), [("false", "False"), ("null", "None")])
def test_a_word_that_would_arrive_as_a_true_string_is_refused(config: str, word: str, right: str) -> None:
    with pytest.raises(UsageError, match=rf"--resume {right}"):
        check_overrides(["run", "--config_file", config, "--resume", word])
    check_overrides(["run", "--config_file", config, "--resume", right])


def test_options_of_the_config_and_of_monai_pass(config: str) -> None:
    check_overrides(
        ["run", "--config_file", config, "--max_epochs", "7", "--train#trainer#max_epochs=2", "--logging_file", "x"]
    )
    with pytest.raises(UnknownOptionError, match="--logging_fil "):
        check_overrides(["run", "--config_file", config, "--logging_fil", "x"])


def test_ids_of_tracking_pass_only_with_tracking(config: str) -> None:
    check_overrides(["run", f"--config_file={config}", "--tracking", "mlflow", "--experiment_name", "x"])
    with pytest.raises(UnknownOptionError, match="experiment_name"):
        check_overrides(["run", f"--config_file={config}", "--experiment_name", "x"])


def overlay_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "overlay.yaml"
    path.write_text(text)
    return str(path)


def test_an_option_that_only_an_overlay_has_is_known(config: str, tmp_path: Path) -> None:
    overlay = overlay_of(tmp_path, "extra: 1\nmax_epochs: '@extra'\n")
    check_overrides(["run", "--config_file", str([config, overlay]), "--extra", "3"])
    with pytest.raises(UnknownOptionError, match="--extra "):
        check_overrides(["run", "--config_file", config, "--extra", "3"])


@pytest.mark.parametrize("name", ["max_epoch", "+max_epoch", "max_epoch#a", "max_epoch::a"])
def test_an_overlay_with_an_entry_that_nothing_reads_is_told_with_the_nearest_name(
    config: str, tmp_path: Path, name: str
) -> None:
    overlay = overlay_of(tmp_path, f"{name}: {{a: 1}}\n")
    with pytest.raises(UnknownOptionError, match=r"overlay\.yaml sets 'max_epoch'.*mean max_epochs\?"):
        check_overrides(["run", "--config_file", str([config, overlay])])


def test_an_overlay_may_set_what_only_the_other_standalone_config_reads(config: str, tmp_path: Path) -> None:
    words = ["run", "--config_file", str([config, overlay_of(tmp_path, "inferer: 2\n")])]
    with pytest.raises(UnknownOptionError, match="sets 'inferer'"):
        check_overrides(words)
    (tmp_path / "inference.yaml").write_text("inferer: 1\nrun: []\n")
    check_overrides(words)


def test_an_overlay_may_say_what_is_run_and_what_it_is(config: str, tmp_path: Path) -> None:
    about = "_made_for_: [MR]\n+run: ['$1']\nfinalize: ['$2']\n"
    check_overrides(["run", "--config_file", str([config, overlay_of(tmp_path, about)])])
    with pytest.raises(UnknownOptionError, match="sets '_made_for'"):
        check_overrides(["run", "--config_file", str([config, overlay_of(tmp_path, about.replace("for_", "for"))])])


@pytest.mark.parametrize(("old", "new"), RENAMED_IDS.items())
def test_an_old_id_is_refused_with_its_new_name(tmp_path: Path, old: str, new: str) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(f"{new}: []\nrun: []\n")
    with pytest.raises(UnknownOptionError, match=f"sets '{old}'.*it was renamed to {new} in version 0.2"):
        check_overrides(["run", "--config_file", str([str(config), overlay_of(tmp_path, f"{old}: [1]\n")])])
    with pytest.raises(UnknownOptionError, match=f"--{old} .*it was renamed to --{new} in version 0.2"):
        check_overrides(["run", "--config_file", str(config), f"--{old}", "[1]"])
    with pytest.raises(UnknownOptionError, match=f"refers to @{old}, which was renamed in version 0.2: write @{new}"):
        check_overrides(["run", "--config_file", str([str(config), overlay_of(tmp_path, f"{new}: '@{old}'\n")])])


def test_values_arrive_as_monai_gets_them(config: str, tmp_path: Path) -> None:
    arguments = tmp_path / "args.json"
    arguments.write_text(f'{{"config_file": "{config}", "max_epochs": 2, "seed": 3}}')
    words = ["--max-epochs", "[4, 5]", "--resume", "--lr=1e-3", "--names", "a,b", "--n", "-1", "--tracking", "mlflow"]
    command = read_command_line(["run", "--args_file", str(arguments), *words])
    assert command is not None
    assert command.files == (config,)
    assert command.options == {
        "max_epochs": [4, 5],
        "seed": 3,
        "resume": True,
        "lr": 0.001,
        "names": ("a", "b"),
        "n": -1,
    }


def test_reading_the_command_line_prints_nothing(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    read_command_line(["run", "--config_file", config])
    assert capsys.readouterr().out == ""


def test_the_config_named_in_an_args_file_is_read(config: str, tmp_path: Path) -> None:
    arguments = tmp_path / "args.json"
    arguments.write_text(f'{{"config_file": "{config}"}}')
    with pytest.raises(UnknownOptionError, match="max_epoch"):
        check_overrides(["run", "--args_file", str(arguments), "--max_epoch", "3"])


def test_only_the_command_line_of_monais_bundles_is_checked(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run", "--config_file", config, "--max_epoch", "3"]
    monkeypatch.setattr("sys.argv", ["pytest", *arguments])
    check_overrides()
    monkeypatch.setattr("sys.argv", ["site-packages/monai/bundle/__main__.py", *arguments])
    with pytest.raises(UnknownOptionError):
        check_overrides()


def test_an_option_is_checked_by_the_entry_it_overrides(config: str, tmp_path: Path) -> None:
    words = ["run", "--config_file", str([config, overlay_of(tmp_path, "max_epochs: 9\n+run: ['$1']\n")])]
    for option in ("--max_epochs", "--train#trainer#max_epochs", "--train::trainer::max_epochs"):
        with pytest.raises(UsageError, match=rf"^{option} \(=0\) must be a whole number, 1 or more\.$"):
            check_overrides([*words, option, "0"])


def test_an_option_of_an_args_file_is_checked_as_well(config: str, tmp_path: Path) -> None:
    arguments = tmp_path / "args.json"
    arguments.write_text(f'{{"config_file": "{config}", "max_epochs": 0}}')
    with pytest.raises(UsageError, match="--max_epochs"):
        check_overrides(["run", "--args_file", str(arguments)])
    check_overrides(["run", "--args_file", str(arguments), "--max_epochs", "1"])


def test_values_are_meant_as_they_were_written(tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("dataset_dir: null\nmodalities: [t1, flair]\nrun: []\n")
    command = read_command_line(["run", f"--config_file={config}", "--dataset-dir", "raw#1", "--modalities", "flair"])
    assert command is not None
    assert command.options == {"dataset_dir": "raw", "modalities": "flair"}
    assert meant_options(command) == {"dataset_dir": "raw#1", "modalities": ["flair"]}


def test_a_verb_s_options_are_checked_by_the_configs(config: str) -> None:
    files = [Path(config)]
    assert option_values({"max_epochs": "3", "resume": "True"}, files) == {"max_epochs": 3, "resume": True}
    with pytest.raises(UnknownOptionError, match=r"--max_epoch .* did you mean --max_epochs"):
        option_values({"max_epoch": "3"}, files)
    with pytest.raises(UnknownOptionError, match=r"--overlay .* did you mean --overlays"):
        option_values({"overlay": "x"}, files, ["overlays"])
    with pytest.raises(UsageError, match="--max_epochs"):
        option_values({"max_epochs": "0"}, files)


def test_a_missing_package_is_told_with_the_extra_that_installs_it(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlay = overlay_of(tmp_path, "max_epochs: 2\n_needs_: {NoSuchPackage: mri-artifacts}\n")
    with pytest.raises(UsageError, match=r"overlay\.yaml needs NoSuchPackage.*'scanfill\[mri-artifacts\]'"):
        check_overrides(["run", "--config_file", str([config, overlay])])
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"--tracking needs MLflow.*'scanfill\[tracking\]'"):
        check_overrides(["run", "--config_file", config, "--tracking", "mlflow"])

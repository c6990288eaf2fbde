"""Mistakes on the command line: nothing runs, and one line says what is wrong and what is allowed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser

from conftest import BUNDLES, REPO
from fork_server import Finished, run_module
from scanfill.__main__ import VERBS
from scanfill.engines import check_overrides
from scanfill.errors import UsageError
from scanfill.option_values import override_value

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
dataset_dir: {_target_: str, object: phantoms}
modalities: [t1, t1ce]
device: {_target_: scanfill.engines.find_device, name: auto}
max_epochs: 2
half: "$@max_epochs / 2"
resume: false
run:
  - {_target_: scanfill.engines.start_run}
  - {_target_: scanfill.engines.announce, device: "@device"}
  - "$print('GOT', [@dataset_dir, @modalities, str(@device), @max_epochs, @half, @resume])"
"""
AS_IT_IS = ["phantoms", ["t1", "t1ce"], "cpu", 2, 1.0, False]
PLACE = {
    name: place for place, name in enumerate(["dataset_dir", "modalities", "device", "max_epochs", "half", "resume"])
}


def one_line(finished: Finished, code: int = 1) -> str:
    """The message of a command that failed as it should."""
    assert finished.returncode == code, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout
    told = finished.stderr.strip().splitlines()[-1]
    assert len(told) < 1200
    return told


def run_config(folder: Path, *words: str) -> Finished:
    """Run a tiny config by MONAI's command line."""
    (folder / "train.yaml").write_text(CONFIG)
    return run_module("monai.bundle", "run", "--config_file", "train.yaml", *words, cwd=folder)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (
            ["--dataset_dir", "2024", "--modalities", "flair", "--device", "auto", "--max_epochs", "4"],
            {"dataset_dir": "2024", "modalities": ["flair"], "max_epochs": 4, "half": 2.0},
        ),
        (["--dataset_dir=raw#1", "--modalities=t1ce,flair"], {"dataset_dir": "raw#1", "modalities": ["t1ce", "flair"]}),
        (["--dataset_dir", "1e5", "--device", "cpu", "--resume", "no"], {"dataset_dir": "1e5"}),
        (["--dataset_dir", "[a]", "--max_epochs", "@half", "--half", "$3 * 2"], {"max_epochs": 6, "half": 6}),
        (["--dataset_dir", "@half", "--resume", "true"], {"dataset_dir": 1.0, "resume": True}),
    ],
)
def test_a_run_gets_what_was_written(tmp_path: Path, words: list[str], expected: dict[str, object]) -> None:
    finished = run_config(tmp_path, *words)
    assert finished.returncode == 0, finished.stderr
    got = json.loads(
        finished.stdout.rpartition("GOT")[2].replace("'", '"').replace("False", "false").replace("True", "true")
    )
    if "[a]" in words:
        expected = expected | {"dataset_dir": "[a]"}
    assert got == [expected.get(name, AS_IT_IS[place]) for name, place in PLACE.items()]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max_epochs", "abc"], "--max_epochs (='abc') must be a whole number, 1 or more."),
        (["--dataset_dir", "None"], "--dataset_dir (=None) must be a path"),
        (["--device", "gpu"], "--device (='gpu') must be auto, cpu, cuda, or one GPU, such as cuda:0."),
        (["--max_epoch", "3"], "did you mean --max_epochs?"),
        (["--device#name", "gpu"], "device (='gpu') must be auto"),
    ],
)
def test_a_run_with_a_wrong_option_stops_with_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    assert told in one_line(run_config(tmp_path, *words))


def test_a_run_ends_with_the_folders_of_its_results(tmp_path: Path) -> None:
    config = CONFIG.replace("\nrun:", "\nckpt_dir: models\noutput_dir: eval\nrun:") + "  - '$@ckpt_dir + @output_dir'\n"
    (tmp_path / "train.yaml").write_text(config)
    finished = run_module("monai.bundle", "run", "--config_file", "train.yaml", cwd=tmp_path)
    assert finished.stdout.splitlines()[-1] == "Results: weights: models; output: eval"


def test_an_interrupted_run_says_so_in_one_line(tmp_path: Path) -> None:
    stop = "  - '$(_ for _ in ()).throw(KeyboardInterrupt())'\n"
    (tmp_path / "train.yaml").write_text(CONFIG + stop)
    finished = run_module("monai.bundle", "run", "--config_file", "train.yaml", cwd=tmp_path)
    assert one_line(finished).startswith("Stopped. Finished work is kept")


WRONG = {
    "max_epochs": ["abc", "0", "-3", "1.5", "None", "[1]", "True"],
    "epoch_length": ["0", "long"],
    "batch_size": ["0", "-1", "1.5", "x"],
    "val_interval": ["0", "-1"],
    "num_workers": ["-1", "all"],
    "cache_num": ["-1", "1.5"],
    "validation": ["1.5", "-0.1", "1", "20%"],
    "seed": ["x", "-1", "1.5", "4294967296"],
    "spacing": ["1", "iso", "[1, 1]x", "[0, 1, 1]", "None"],
    "patch_size": ["48", "[-9, 9, 9]", "[9, 9, 9, 9]", "[9.5, 9, 9]", "big"],
    "device": ["gpu", "cuda:x", "0", "CPU"],
    "resume": ["maybe", "2"],
    "modalities": ["t1,,t2", "[t1"],
    "dataset_dir": ["None", "True", ""],
    "train#trainer#max_epochs": ["0", "many"],
}
"""Wrong values by option; bundles without the option are left out."""


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_a_wrong_value_of_any_option_of_any_bundle_is_one_line(bundle: Path) -> None:
    config, refused = ConfigParser(ConfigParser.load_config_file(str(bundle / "configs" / "train.yaml"))), 0
    for option, value in [(option, value) for option, values in WRONG.items() for value in values if option in config]:
        with pytest.raises(UsageError, match=rf"^--{option} .* must be ") as told:
            override_value(option, DefaultParseValue(value), config[option], value)
        assert "\n" not in str(told.value)
        refused += 1
    assert refused >= 30


def test_what_studies_and_guides_pass_is_accepted() -> None:
    config = next(bundle for bundle in BUNDLES if bundle.name == "brain_tumor_segmentation") / "configs" / "train.yaml"
    words = ["--val_interval", "@max_epochs", "--validation", "0", "--dataset_dir", "/data/x", "--device#name", "auto"]
    words += ["--modalities", "['t1']", "--labels", "brats", "--seed", "3", "--patch_size", "[24, 24, 24]", "--resume"]
    words += ["--datalist", "None", "--tta_axes", "[0]", "--optimizer#lr", "1e-3", "--spacing", "[1, 1, 1]"]
    check_overrides(["run", "--config_file", str(config), *words])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pahntoms"], "There is no verb 'pahntoms'; did you mean phantoms?"),
        (["phantoms", "brain", "out", "--cases", "0"], "--cases (='0') must be a whole number, 1 or more."),
        (["phantoms", "brain", "out", "--size", "big"], "--size (='big') must be a whole number from 1 to 1024."),
        (["phantoms", "brain"], "phantoms: folder is missing"),
        (["cases", "raw", "--patient-regx", "x"], "did you mean --patient_regex?"),
        (["cases", "raw", "--workers", "0"], "--workers (='0')"),
        (["split", "list.json", "--folds", "1"], "--folds (='1') must be a whole number, 2 or more."),
        (["split", "list.json", "--test", "1"], "--test (='1') must be a number from 0 to below 1."),
        (["prepare", "raw", "out", "--spacin", "4"], "did you mean --spacing?"),
        (["prepare", "raw", "out", "--spacing", "0"], "--spacing (='0') must be a number above 0."),
        (["prepare", "raw"], "prepare: output is missing"),
        (["restore", "a", "b"], "restore: output is missing"),
        (["study", "missing_modality.yaml", "--out", "o", "--dryrun"], "did you mean --dry_run?"),
        (["study", "missing_modality.yaml", "--smoke"], "study: out is missing"),
        (["study", "missing_modality.yaml", "--out", "o", "--cores", "0"], "--cores (='0')"),
        (["study", "missing_modality.yaml", "--out", "o", "--cores", "-1"], "--cores (='-1')"),
        (["augmentation_sheet", "x.png", "--draws", "0"], "--draws (='0')"),
        (["demo", "--epochs", "0"], "--epochs (='0')"),
        (["check", "x.yaml", "--ignore"], "--ignore has no value"),
        (["bundles", "all"], "unexpected argument 'all'"),
    ],
)
def test_a_wrong_command_line_stops_before_anything_runs(tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "raw").mkdir()
    assert told in one_line(run_module("scanfill", *words, cwd=tmp_path), code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["phantoms", "brain", "out", "--scull"], "brain phantoms have no option --scull"),
        (["phantoms", "brain", "out", "--skull=maybe"], "--skull (='maybe') must be True or False."),
        (["phantoms", "brain", "out", "--size", "4"], "at least 24 voxels"),
        (["pack", "brain_tumor_segmentation", "--overlay", "unet.yaml"], "did you mean --overlays?"),
        (["pack", "brain_tumor_segmentation", "--patch_siz", "9"], "did you mean --patch_size"),
        (["pack", "brain_tumor_segmentation", "--patch_size", "9"], "--patch_size (=9) must be a list of 3 values"),
        (
            ["pack", "brain_tumor_segmentation", "--overlays", "unte.yaml"],
            "There is no overlay 'unte.yaml'. Did you mean unet.yaml",
        ),
        (["tta_gain", "brain_tumor_segmentation", "m.pt", "--dataset_dri", "x"], "did you mean --dataset_dir"),
        (["tta_gain", "brain_tumor_segmentation", "m.pt", "--overlays", "unte.yaml"], "Did you mean unet.yaml"),
        (["tta_gain", "brain_tumor_segmentatio", "m.pt"], "There is no bundle 'brain_tumor_segmentatio'"),
        (
            ["study", "missing_modality.yaml", "--out", "o", "--smoke", "--profile", "nope"],
            "There is no profile 'nope': pass slurm",
        ),
        (["study", "missing_modality.yaml", "--out", "o", "--smoke", "--set", "fold=3"], "did you mean 'folds'?"),
        (["augmentation_sheet", "x.png", "mir"], "There is no preset 'mir'"),
    ],
)
def test_an_option_that_a_verb_passes_on_is_checked_before_work(tmp_path: Path, words: list[str], told: str) -> None:
    assert told in one_line(run_module("scanfill", *words, cwd=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["2024", "raw#1", "1e5", "[a]", "None", "True", "a b", "it's", "Größe"])
def test_a_folder_of_any_name_goes_through_the_verbs(tmp_path: Path, name: str) -> None:
    made = run_module("scanfill", "phantoms", "brain", name, "--cases", "1", "--size", "24", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    listed = run_module("scanfill", "cases", name, "-o", f"{name}.json", "-m", "flair", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert json.loads((tmp_path / f"{name}.json").read_text())["training"][0]["case_id"].startswith("BraTS20")


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_each_option_is_and_imports_nothing_slow(verb: str) -> None:
    start = time.perf_counter()
    words = [sys.executable, "-X", "importtime", "-m", "scanfill", *verb.split(), "--help"]
    finished = subprocess.run(words, capture_output=True, text=True, check=False, cwd=REPO)
    seconds = time.perf_counter() - start
    assert finished.returncode == 0
    slow = [
        line for line in finished.stderr.splitlines() if line.endswith(("| torch", "| monai", "| numpy", "| nibabel"))
    ]
    assert not slow
    assert seconds < 5, "about 0.3 s on an idle machine"
    assert "SYNOPSIS" in finished.stderr + finished.stdout
    assert "FIRE_METADATA" not in finished.stderr + finished.stdout


def test_bundles_are_listed_with_their_folders(tmp_path: Path) -> None:
    finished = run_module("scanfill", "bundles", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    for bundle in BUNDLES:
        assert f"  {bundle}\n" in finished.stdout
        assert f"{bundle.name}: " in finished.stdout
    assert "python -m monai.bundle run --config_file " in finished.stdout


def test_a_small_archive_of_a_huge_config_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle/configs/train.yaml", b"a: " + b"1" * 50_000_000)
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    told = one_line(run_module("scanfill", "check", "bomb.zip", cwd=tmp_path, timeout=20), code=2)
    assert "50.0 MB" in told


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ('a: "@b"\nb: "@a"\n', "reference-cycle", 1),
        ("a: 1\na: 2\n", "repeated-entry", 1),
        ("a: !!python/object/apply:os.system [touch ran]\n", "has the tag", 2),
        ("a: [" + "1, " * 400_000 + "]", "too large for a config", 2),
        ("a: " + "[" * 400 + "]" * 400, "more than 100 levels", 2),
    ],
    ids=["cycle", "twice", "tag", "large", "deep"],
)
def test_a_config_that_would_not_run_is_told(tmp_path: Path, text: str, told: str, code: int) -> None:
    (tmp_path / "train.yaml").write_text(text)
    finished = run_module("scanfill", "check", "train.yaml", cwd=tmp_path, timeout=30)
    assert finished.returncode == code
    assert told in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "ran").exists()

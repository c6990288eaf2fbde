"""The commands that a person is told where a skull is on."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.prepare.originals import mask_path, strip_commands
from scanfill.domains.brain_mri.schema import SCHEMA
from tiny_cases import save_case


@pytest.mark.parametrize(
    ("folder", "prefix", "names"),
    [
        ("c1", "", ("t1", "t1ce", "t2", "flair")),
        ("BraTS20_Training_001", "BraTS20_Training_001_", ("t1", "t1ce", "t2", "flair")),
        ("BraTS-GLI-00002-000", "BraTS-GLI-00002-000-", ("t1n", "t1c", "t2w", "t2f")),
        ("sub-01", "sub-01_", ("T1w", "ce-gd_T1w", "T2w", "FLAIR")),
        ("all", "left_", ("t1", "t1ce", "t2", "flair")),
    ],
)
def test_the_mask_that_the_commands_write_is_found(
    tmp_path: Path, folder: str, prefix: str, names: tuple[str, ...]
) -> None:
    save_case(tmp_path / folder, prefix, names)
    if folder == "all":
        save_case(tmp_path / folder, "right_", names)
    case, *others = find_cases(tmp_path, labels=None, schema=SCHEMA)
    mask = mask_path(case["t1ce"])
    mask.write_bytes(Path(case["t1ce"]).read_bytes())
    again, *others_again = find_cases(tmp_path, labels=None, schema=SCHEMA)
    assert again == {**case, "mask": str(mask)}
    assert others_again == others


def test_hd_bets_mask_is_moved_to_where_it_is_found(tmp_path: Path) -> None:
    """HD-BET 2 writes ``<output>_bet.nii.gz`` for the mask of ``<output>.nii.gz``."""
    image = tmp_path / "a case" / "t1ce.nii.gz"
    hd_bet, rest = strip_commands(image).removeprefix("HD-BET: ").split(" && ", 1)
    words = shlex.split(hd_bet)
    assert words[:3] == ["hd-bet", "-i", str(image)]
    assert words[5:] == ["--save_bet_mask", "--no_bet_image"]
    move = shlex.split(rest.split(" (without", 1)[0])
    assert move == ["mv", words[4].removesuffix(".nii.gz") + "_bet.nii.gz", str(mask_path(image))]


def test_synthstrips_command_writes_the_mask(tmp_path: Path) -> None:
    image = tmp_path / "t1ce.nii.gz"
    words = shlex.split(strip_commands(image).split("SynthStrip: ")[1])
    assert words == ["mri_synthstrip", "-i", str(image), "-m", str(tmp_path / "mask.nii.gz")]


def test_uncompressed_nifti_is_compressed_for_hd_bet(tmp_path: Path) -> None:
    image = tmp_path / "t1ce.nii"
    assert f"gzip -k {image} && hd-bet -i {image}.gz" in strip_commands(image)
    assert f"mri_synthstrip -i {image} " in strip_commands(image)


def test_other_formats_are_to_be_converted_first(tmp_path: Path) -> None:
    assert "convert" in strip_commands(tmp_path / "t1ce.mha")

"""A file is only replaced if scanfill wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scanfill import replacing
from scanfill.errors import UsageError
from scanfill.files import check_name, writing
from scanfill.replacing import allow_replacing, is_made, protect_input

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written, read or allowed so far."""
    for name in ("_allowed", "_inputs", "_written"):
        monkeypatch.setattr(replacing, name, set())


def volume(path: Path, description: str = "", value: int = 1) -> Path:
    image = nib.Nifti1Image(np.full((3, 4, 5), value, np.uint8), np.eye(4))
    image.header["descrip"] = description.encode()
    nib.save(image, path)
    return path


def picture(path: Path, software: str | None = None) -> Path:
    about = PngInfo()
    if software:
        about.add_text("Software", software)
    Image.new("L", (4, 4)).save(path, pnginfo=about)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def not_ours(folder: Path) -> Iterator[Path]:
    yield volume(folder / "scan.nii.gz")
    yield volume(folder / "scan.nii", "FSL5.0")
    yield text(folder / "damaged.nii.gz", "no gzip")
    yield text(folder / "empty.nii.gz", "")
    yield text(folder / "scan.mha", "ObjectType = Image")
    yield text(folder / "scan.nrrd", "NRRD0004")
    yield picture(folder / "photo.png")
    yield picture(folder / "plot.png", "Matplotlib version3.10")
    yield text(folder / "photo.JPG", "")
    yield text(folder / "page.html", "<html><title>mine</title></html>")
    yield text(folder / "list.json", "[1, 2]")
    yield text(folder / "broken.json", "{")


def new_content(path: Path) -> None:
    """Write what scanfill would write to such a file."""
    name = path.name.lower()
    if name.endswith((".nii.gz", ".nii")):
        volume(path, "scanfill: research use only", 2)
    elif name.endswith(".png"):
        picture(path, "scanfill")
    else:
        text(path, '<meta name="generator" content="scanfill">' if name.endswith("html") else '{"labels": {}}')


def test_what_scanfill_did_not_write_stays(tmp_path: Path) -> None:
    for path in not_ours(tmp_path):
        before = path.read_bytes()
        assert not is_made(path), path
        refused = pytest.raises(UsageError, match=rf"{path.name} was not written by scanfill, so it is not replaced")
        with refused, writing(path) as temporary:
            new_content(temporary)
        assert path.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_its_own_files_are_replaced(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "a.nii", "a.png", "a.html", "a.json"):
        new_content(tmp_path / name)
        before = (tmp_path / name).stat().st_ino
        with writing(tmp_path / name) as temporary:
            new_content(temporary)
        assert (tmp_path / name).stat().st_ino != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("scanfill brain phantom 0/1", "scanfill: research use only"),
        ("scanfill prepare: research use only", "scanfill brain phantom 3/2"),
        ("scanfill: research use only", "scanfill synthetic flair, research use only"),
        ("scanfill synthetic t1, research use only", "scanfill synthetic flair, research use only"),
    ],
)
def test_an_image_of_another_kind_stays(tmp_path: Path, old: str, new: str) -> None:
    path = volume(tmp_path / "a.nii.gz", old)
    with pytest.raises(UsageError, match="of another kind"), writing(path) as temporary:
        volume(temporary, new, 2)


def test_a_phantom_replaces_a_phantom(tmp_path: Path) -> None:
    path = volume(tmp_path / "a.nii.gz", "scanfill brain phantom 0/1")
    with writing(path) as temporary:
        volume(temporary, "scanfill brain phantom 17/3 with skull", 2)
    assert nib.load(path).get_fdata().max() == 2


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.json", {"name": 1, "description": 2, "training": [], "test": []}, {"modality": 1, "training": []}),
        ("volumes.csv", "patient,age,volume\n1,2,3\n", "case_id,NC_ml,ED_ml\n"),
        ("volumes.tsv", "patient\tage\n", "case_id,NC_ml,ED_ml\n"),
    ],
)
def test_lists_and_tables_with_other_entries_stay(tmp_path: Path, name: str, old: object, new: object) -> None:
    path = text(tmp_path / name, old if isinstance(old, str) else json.dumps(old))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is not replaced"), writing(path) as temporary:
        text(temporary, new if isinstance(new, str) else json.dumps(new))
    assert path.read_bytes() == before


def test_tables_with_a_few_columns_more_are_replaced(tmp_path: Path) -> None:
    path = text(tmp_path / "scores.csv", "# phantoms\ncase_id,dice_NC,dice_ED,dice_CET\n")
    with writing(path) as temporary:
        text(temporary, "case_id,dice_NC,dice_ED,dice_CET,hd95_NC\n")
    assert "hd95" in path.read_text()


def test_equal_content_is_no_loss(tmp_path: Path) -> None:
    path = volume(tmp_path / "a.nii")
    with writing(path) as temporary:
        temporary.write_bytes(before := path.read_bytes())
    assert path.read_bytes() == before


def test_an_input_stays_even_if_scanfill_wrote_it(tmp_path: Path) -> None:
    path = volume(tmp_path / "a.nii.gz", "scanfill: research use only")
    link = tmp_path / "link.nii.gz"
    link.symlink_to(path)
    protect_input(path)
    for output in (path, link):
        with pytest.raises(UsageError, match="is an input of this run"), writing(output) as temporary:
            volume(temporary, "scanfill: research use only", 2)


def test_a_link_to_a_scan_is_not_replaced(tmp_path: Path) -> None:
    scan = volume(tmp_path / "scan.nii.gz")
    (tmp_path / "out.nii.gz").symlink_to(scan)
    with pytest.raises(UsageError, match="not written by scanfill"), writing(tmp_path / "out.nii.gz") as temporary:
        new_content(temporary)


def test_a_write_protected_file_and_a_folder_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    new_content(path)
    path.chmod(0o444)
    (tmp_path / "b.json").mkdir()
    for name, reason in (("a.json", "is write-protected"), ("b.json", "is a folder")):
        with pytest.raises(UsageError, match=reason), writing(tmp_path / name) as temporary:
            new_content(temporary)


@pytest.mark.parametrize("named", ["file", "folder", "list"])
def test_a_file_is_replaced_when_it_is_named(tmp_path: Path, named: str) -> None:
    path = volume(tmp_path / "a.nii.gz")
    allow_replacing({"file": path, "folder": str(tmp_path), "list": f"{tmp_path / 'x.nii'}, {path}"}[named])
    with writing(path) as temporary:
        new_content(temporary)
    assert nib.load(path).header["descrip"].item().startswith(b"scanfill")


def test_naming_one_file_allows_no_other(tmp_path: Path) -> None:
    allow_replacing(tmp_path / "a")
    path = volume(tmp_path / "ab.nii.gz")
    with pytest.raises(UsageError, match=r"--replace .*ab\.nii\.gz"), writing(path) as temporary:
        new_content(temporary)


def test_a_process_replaces_what_it_wrote_itself(tmp_path: Path) -> None:
    for content in ("a,b\n", "c,d\n"):
        with writing(tmp_path / "a.csv") as temporary:
            text(temporary, content)
    assert (tmp_path / "a.csv").read_text() == "c,d\n"


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../x", "a/b", "a\\b", "a\nb", "a\0b", "\x1b[31m", None, 7, True])
def test_names_that_lead_elsewhere_are_refused(name: object) -> None:
    with pytest.raises(UsageError, match="must be a text that can name a folder"):
        check_name(name, "The case's name")


@pytest.mark.parametrize("name", ["c1", "BraTS-GLI-00002-000", "Müller", "..a", "a b", "-x", "None", "1e5"])
def test_other_names_are_kept(name: str) -> None:
    assert check_name(name, "The case's name") == name


def test_a_name_that_no_disk_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="300 bytes long"):
        check_name("ä" * 150, "The case's name")

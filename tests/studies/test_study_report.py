"""The page of a study."""

from __future__ import annotations

import base64
import json
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from browser import needs_browser, visit
from made_up_study import write_study
from scanfill.data.image import nifti_bytes
from scanfill.errors import UsageError
from scanfill.studies.report import write_study_report
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.tables.comparisons import Methods

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("segmenter=unet", "folds=2", "seeds=[0]", "most_missing=1", "held_out=0", "subset.targets=[t1ce]")
OPTIONS += ("subset.strategies=[zero, pairwise_from]", "subset.sources=[t2]")
KINDS = (("boxes", "_t1ce"), ("differences", ""), ("errors", ""), ("examples", "_t1ce"), ("volumes", "_t1ce"))
QUICK = Methods(Bootstrap(draws=100))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("study"), *OPTIONS, patients=8)
    write_images(folder)
    write_study_report(folder, methods=QUICK)
    return folder


def write_images(folder: Path) -> None:
    """Images, truth, label maps and the list of fold 0, for the pictures."""
    draw = np.random.default_rng(0)
    label = np.zeros((8, 8, 8), np.uint8)
    label[2:5, 2:5, 2:5] = 2
    entries = []
    for name in ("p00_1", "p02_1", "p04_1", "p06_1"):
        paths = {key: folder / "data" / name / f"{key}.nii.gz" for key in ("t1", "t1ce", "t2", "flair", "label")}
        predictions = folder / "predictions"
        maps = [predictions / "complete_set/seed_0/fold_0/nothing", predictions / "zero/seed_0/fold_0/t1ce"]
        for path in (*paths.values(), *(place / name / f"{name}_seg.nii.gz" for place in maps)):
            path.parent.mkdir(parents=True, exist_ok=True)
            is_map = path.name == "label.nii.gz" or path.name.endswith("_seg.nii.gz")
            volume = label if is_map else draw.uniform(1, 2, (8, 8, 8)).astype(np.float32)
            path.write_bytes(nifti_bytes(volume, np.eye(4), "test"))
        about = {"case_id": name, "patient": name[:3], "label_convention": "brats", "output_labels": "brats"}
        entries.append(about | {key: str(path) for key, path in paths.items()})
    write_list(folder, entries)


def write_list(folder: Path, entries: list[dict[str, str]]) -> None:
    (folder / "folds").mkdir(exist_ok=True)
    (folder / "folds" / "fold_0.json").write_text(json.dumps({"validation": entries}))
    about = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(about | {"dataset_dir": str(folder / "data")}))


def test_the_page_holds_tables_settings_and_commands(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    for text in (
        "A verdict for each subset of sequences",
        "Cross-validation: every subset",
        "subset.strategies",
        "python -m scanfill study missing_modality.yaml --out runs/x",
        "python -m monai.bundle run --seed 0",
        "abababababab",  # checksum of a model
        "family of 4 tests",
        "One seed: how much another training would change is unknown.",
    ):
        assert text in page
    assert "PARTIAL" not in page
    assert "against zero-filling: a separate family" not in page  # there is nothing but zero-filling


def test_the_answer_stands_first_in_one_sentence_and_one_figure(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings[:2] == ["Cross-validation", "Cross-validation: how to read it"]
    first = page[page.index("<h2>Cross-validation</h2>") : page.index("<h2>Cross-validation: how")]
    sentence = re.findall(r"<p>(.*?)</p>", first)
    assert sentence == ["Of 4 comparisons of Dice with complete_set: 4 undecided."]  # one seed
    assert first.count("<figure>") == 1
    assert "<td>not trained</td>" not in page
    assert "<li>Not part of this study: dedicated, pairwise, completion, " in page


def test_the_answer_names_what_is_better_or_worse(tmp_path: Path) -> None:
    options = [text for text in OPTIONS if not text.startswith("seeds")]
    folder = write_study(tmp_path, *options, "seeds=[0, 1]", "subset.strategies=[zero, dropout]", patients=15)
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    (sentence,) = re.findall(r"<p>(Of .*?)</p>", page)
    assert sentence.startswith("Of 12 comparisons of Dice with complete_set: ")
    assert "4 worse (zero, without t1ce: all)" in sentence
    assert "as good as the reference (dropout" in sentence


def test_the_study_file_says_when_a_difference_counts(tmp_path: Path) -> None:
    folder = write_study(tmp_path, *OPTIONS, "correction=paper", patients=4)
    write_study_report(folder)
    assert "uses the level 0.0025" in (folder / "tables" / "subsets_cross_validation.md").read_text()


def test_every_figure_lies_beside_the_page_and_in_it(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    drawings = sorted((finished / "figures").glob("*.svg"))
    names = [path.stem for path in drawings]
    assert names == [f"{kind}_cross_validation{end}" for kind, end in KINDS]
    inside = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert sorted(base64.b64decode(text) for text in inside) == sorted(path.read_bytes() for path in drawings)
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_every_table_lies_beside_the_page(finished: Path) -> None:
    files = {path.name for path in (finished / "tables").iterdir()}
    stems = {name.rpartition(".")[0] for name in files}
    assert files == {f"{stem}.{suffix}" for stem in stems for suffix in ("csv", "md", "tex")}
    assert {"subset_verdicts_cross_validation", "image_error_cross_validation", "all_scores_cross_validation"} <= stems


def test_a_partial_report_says_so_and_must_be_asked_for(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy", ignore=shutil.ignore_patterns("report.html", "tables"))
    (folder / "scores" / "seed_0" / "fold_1.csv").unlink()
    with pytest.raises(UsageError, match=r"scores/seed_0/fold_1\.csv"):
        write_study_report(folder, methods=QUICK)
    assert not (folder / "report.html").exists()
    page = write_study_report(folder, partial=True, methods=QUICK).read_text(encoding="utf-8")
    assert "PARTIAL: some results are missing." in page
    assert "<li>scores/seed_0/fold_1.csv</li>" in page
    assert "NOT FINISHED" in (folder / "tables" / "subsets_cross_validation.md").read_text()


@needs_browser
def test_the_page_opens_without_an_error_and_asks_for_nothing(finished: Path) -> None:
    seen = visit(finished / "report.html")
    assert seen.title == "Which way is best when a sequence is missing?"
    assert (seen.errors, seen.requests) == ([], [])

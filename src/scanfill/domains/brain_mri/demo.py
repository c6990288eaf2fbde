"""The demo: phantoms, short trainings, scores, packed archives, a study, and one page that shows everything.

It runs the same commands that a user would type, and prints them.
"""

import csv
import os
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import scanfill
from scanfill.data import write_case_list, write_splits
from scanfill.data.phantoms import PHANTOM_NOTE
from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.domains.brain_mri.phantoms import brain_cohort, write_brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.metrics import read_scores, summarise
from scanfill.report.page import Figure, Page, Row, Section, Table

ABSENT = "t1ce"
"""The sequence that is missing in the last patients: the most informative one, which nothing can replace."""

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
"""For glibc, ignored elsewhere: keep freed memory. Otherwise a training without GPU spends a sixth of its time
allocating the same memory again."""

STUDY = "missing_flair.yaml"
"""The smallest study: how to handle a missing FLAIR."""

SIDE_BY_SIDE = 470
"""Width of pictures shown side by side, in pixels."""


@dataclass(frozen=True)
class Training:
    """A bundle trained by the demo; the training writes a trained bundle to its own folder.

    Args:
        root: Folder of the training.
        bundle: Name of the bundle.
        overlays: Overlays of the training.
        options: Options of the training.
    """

    root: Path
    bundle: str
    overlays: tuple[str, ...]
    options: Mapping[str, object]

    def train(self, what: str, **options: object) -> None:
        """Print what is trained, and train it."""
        print(f"{what} (to watch it: tensorboard --logdir {self.root / 'eval'})", flush=True)
        folder = scanfill.bundle_path(self.bundle) / "configs"
        files = [str(folder / name) for name in ("train.yaml", *self.overlays)]
        given = {"bundle_root": self.root, **options, **self.options}
        _python(["-m", "monai.bundle", "run", "--config_file", str(files)], given)

    def evaluate(self, dataset_dir: Path, output_dir: Path) -> None:
        """Score it on the held-out patients of the split."""
        files = str(["configs/train.yaml", "configs/evaluate.yaml"])
        given = {"dataset_dir": dataset_dir.resolve(), "output_dir": output_dir.resolve(), "evaluate_on": "test"}
        _python(["-m", "monai.bundle", "run", "--config_file", files], given, cwd=self.root)

    def send(self, archives: Path, elsewhere: Path) -> None:
        """Pack it, and unpack it in another folder, as a recipient would."""
        _python(["-m", "scanfill", "pack", str(self.root)], {"output": archives})
        with zipfile.ZipFile(next(archives.glob(f"{self.root.name}_*.zip"))) as archive:
            archive.extractall(elsewhere)


PATCHES: Mapping[str, object] = {"patch_size": [48, 48, 48]}
"""At 3 mm per voxel, most of a brain."""


def run_demo(folder: Path, epochs: int = 6, epoch_length: int = 48, seed: int = 0) -> Path:
    """Run the whole demo in ``folder`` and return the path of the report.

    Args:
        folder: Created if missing; files of an earlier demo are replaced. Any other folder must be empty.
        epochs: Epochs of the segmentation's training, with a validation at the end. The other two trainings use a sixth
            of it each.
        epoch_length: Steps per epoch.
        seed: Seed of the phantoms, the split and the trainings.
    """
    start = time.monotonic()
    _claim(folder)
    print("1/8 Synthetic patients: 24 for training and validation, two new ones, also without T1CE", flush=True)
    known = folder / "phantoms"
    write_brain_cohort(known, cases=24, seed=seed)
    write_brain_cohort(folder / "new_phantoms", cases=2, seed=seed + 1000)
    brain_cohort(folder / f"without_{ABSENT}", cases=2, seed=seed + 1000, without=ABSENT)
    write_splits(
        write_case_list(known, output=folder / "cases.json", schema=SCHEMA),
        folds=6,
        test=0.25,
        seed=seed,
        output=folder,
        schema=SCHEMA,
    )
    segmentation = Training(folder / "segmentation", "brain_tumor_segmentation", ("unet.yaml", "modern.yaml"), PATCHES)
    completion = Training(folder / "completion", "mri_modality_completion", ("small.yaml",), PATCHES)
    synthesis = Training(folder / "synthesis", "mri_modality_synthesis", ("small.yaml",), PATCHES)
    data = {"dataset_dir": known, "datalist": folder / "fold_0.json", "seed": seed}
    length = {"max_epochs": epochs, "epoch_length": epoch_length, "val_interval": epochs}
    sixth = max(1, epochs // 6)
    short = {**length, "max_epochs": sixth, "val_interval": sixth}
    segmentation.train("2/8 Train a 3-D U-Net for segmentation", **data, **length)
    print("3/8 Score it on held-out patients", flush=True)
    segmentation.evaluate(known, folder / "scores")
    print("4/8 Pack the trained bundle, unpack it elsewhere, and predict new patients there", flush=True)
    for old in (folder / "dist", folder / "elsewhere"):  # of an earlier demo: other weights, same version
        shutil.rmtree(old, ignore_errors=True)
    segmentation.send(folder / "dist", folder / "elsewhere")
    _segment_elsewhere(folder, "new_phantoms", "predictions")
    completion.train("5/8 Train a network to complete missing modalities", **data, **short)
    given = {"missing": "complete", "completion_bundle": completion.root.resolve()}
    _segment_elsewhere(folder, f"without_{ABSENT}", "completed", **given)
    synthesis.train("6/8 Train a conditional GAN to generate FLAIR from T2", **data, **short)
    synthesis.evaluate(known, folder / "synthesis" / "scores")
    print("7/8 Run a study: which strategy is best if FLAIR is missing?", flush=True)
    shutil.rmtree(folder / "study", ignore_errors=True)
    write_brain_cohort(folder / "study_phantoms", cases=12, size=32, seed=seed)
    _python(["-m", "scanfill", "study", STUDY], {"dataset_dir": folder / "study_phantoms", "out": folder / "study"})
    print("8/8 Report", flush=True)
    report = write_report(folder)
    minutes = (time.monotonic() - start) / 60
    pictures = folder / "*" / "*" / "*_preview.png"
    print(f"Done in {minutes:.1f} minutes.\nReport:   {report}\nPictures: {pictures}\nArchives: {folder / 'dist'}")
    return report


def _claim(folder: Path) -> None:
    """Mark a folder as that of a demo, whose files a later demo replaces.

    Raises:
        UsageError: It has other content.
    """
    marker = folder / ".scanfill_demo"
    if folder.exists() and not marker.is_file() and any(folder.iterdir()):
        msg = f"{folder} is not empty and not the folder of a demo, so nothing is written to it. Choose another folder."
        raise UsageError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()


def write_report(folder: Path) -> Path:
    """Show the scores and pictures of a finished demo on one page, ``report.html``."""
    rows = read_scores(folder / "scores" / "scores.csv")
    means = [line for line in summarise(rows) if line["metric"] == "dice"]
    columns = ("region", "mean", "sd", "median", "present_mean", "present_cases")
    page = Page(
        title="Brain tumor segmentation, with complete and missing sequences",
        note=PHANTOM_NOTE,
        sections=[
            Section(
                "Dice on held-out patients",
                text="NC necrotic core, ED edema, CET enhancing tumor, TC = NC + CET, WT = all three. If a region is "
                "absent from the truth, the score is 0 if any of it is predicted, else 1; present_mean excludes these "
                "cases.",
                tables=[
                    Table(columns, [[line[column] for column in columns] for line in means]),
                    Table(
                        ["case", *REGIONS],
                        [[row["case_id"], *(row[f"dice_{name}"] for name in REGIONS)] for row in rows],
                    ),
                ],
            ),
            Section("The same patients: prediction above, truth below", figures=_previews(folder / "scores")),
            *_incomplete(folder),
            Section(
                "FLAIR generated from T2 by a conditional GAN, on held-out patients",
                text="Scaled by the true image's mean and SD in the brain: a constant image has an MSE of 1, so the "
                "network has learned something if it stays below that, and below the source itself.",
                tables=[_image_quality(folder / "synthesis" / "scores")],
                figures=_previews(folder / "synthesis" / "scores")[:2],
            ),
            _study(folder / "study"),
        ],
    )
    return page.write(folder / "report.html")


def _incomplete(folder: Path) -> list[Section | Row]:
    """Show new patients with all four sequences and without T1CE side by side."""
    volumes = [
        [row["case_id"], given, *(row[f"{name}_ml"] for name in REGIONS)]
        for given, results in (("all four", "predictions"), (f"{ABSENT} missing, completed", "completed"))
        for row in _read_table(folder / results / "volumes.csv")
    ]
    sections: list[Section | Row] = [
        Section(
            "New patients with and without T1CE",
            text="Left: segmented from all four sequences. Right: T1CE was deleted, then generated by the completion "
            "network from the other three before segmentation. Enhancement is only visible with contrast agent, so a "
            "synthetic T1CE cannot show it: necrotic and enhancing core are one class there, and their volumes are not "
            "reported (null).",
            tables=[Table(["case", "sequences", *(f"{name} ml" for name in REGIONS)], sorted(volumes))],
        )
    ]
    for whole in _previews(folder / "predictions", SIDE_BY_SIDE):
        (completed,) = (folder / "completed" / whole.caption).glob("*_preview.png")
        sections.append(Row([whole, Figure(completed, caption=f"{whole.caption}, T1CE synthetic", width=SIDE_BY_SIDE)]))
    made = sorted((folder / "completed" / "completed").glob("*/*_preview.png"))
    sections.append(
        Section("Images from the completion network", figures=[Figure(made[0], caption=made[0].parent.name)])
    )
    return sections


def _study(folder: Path) -> Section:
    """Summarize a study of the strategies; its own page has the details."""
    lines = _read_table(folder / "tables" / "subsets_cross_validation.csv")
    found = [line for line in lines if line["missing"] in ("nothing", "flair") and line["WT mean"]]
    rows = [
        [line["missing"], line["strategy"], *(float(line[f"{label} mean"]) for label in ("NC", "ED", "CET", "WT"))]
        for line in found
    ]
    return Section(
        "Which strategy is best if FLAIR is missing?",
        text="Strategies compared on held-out patients: mean Dice after minutes of training, one fold, one seed, so no "
        f"strategy is shown to be better. The study's own page: {folder / 'report.html'}",
        tables=[Table(("missing", "strategy", "NC", "ED", "CET", "WT"), rows)],
        figures=[Figure(folder / "figures" / "boxes_cross_validation_flair.svg", caption="Dice of each strategy")],
    )


def _image_quality(folder: Path) -> Table:
    """Tabulate mean squared errors of the synthetic image and of the baselines that it must beat."""
    wanted = "zscore_truth", "mse"
    lines = _read_table(folder / "image_quality_summary.csv")
    lines = [line for line in lines if (line["protocol"], line["metric"]) == wanted]
    rows = [
        [line["image"], line["region"], float(line["mean"]), float(line["sd"] or "nan"), line["cases"]]
        for line in lines
    ]
    return Table(("image", "region", "mean", "sd", "cases"), rows, caption="MSE, zscore_truth")


def _read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file; lines that begin with # are comments."""
    with path.open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _previews(folder: Path, width: int | None = None) -> list[Figure]:
    """Return the picture of every case in a results folder."""
    pictures = sorted(folder.glob("*/*_preview.png"))
    return [Figure(picture, caption=picture.parent.name, width=width) for picture in pictures]


def _segment_elsewhere(folder: Path, patients: str, results: str, **options: object) -> None:
    """Predict with the unpacked archive, in its folder."""
    places = {"dataset_dir": (folder / patients).resolve(), "output_dir": (folder / results).resolve()}
    command = ["-m", "monai.bundle", "run", "--config_file", "configs/inference.yaml"]
    _python(command, {**places, **options}, cwd=folder / "elsewhere" / "segmentation")


def _python(command: list[str], options: Mapping[str, object], cwd: Path | None = None) -> None:
    """Print a command as a user would type it, and run it."""
    words = [*command, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    print((f"$ cd {cwd}\n" if cwd else "") + "$ python " + shlex.join(words), flush=True)
    environment = {**KEEP_MEMORY, **os.environ}
    finished = subprocess.run([sys.executable, *words], check=False, cwd=cwd, env=environment)  # noqa: S603  our own configs
    if finished.returncode:
        raise SystemExit(finished.returncode)

"""The demo: phantoms, a short training, scores, an archive that predicts elsewhere, and one page that shows it all.

It runs the same commands that a person would type, and prints them.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import scanfill
from scanfill.data import write_case_list, write_splits
from scanfill.data.phantoms import PHANTOM_NOTE, write_brain_cohort
from scanfill.metrics import REGIONS, read_scores, summarise
from scanfill.report.page import Figure, Page, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUNDLE = "brain_tumor_segmentation"
OVERLAYS = ("unet.yaml", "modern.yaml")
PATCH_SIZE = [48, 48, 48]  # voxels of 3 mm: most of a brain


def run_demo(folder: Path, epochs: int = 6, epoch_length: int = 75, seed: int = 0) -> Path:
    """Run the whole story in ``folder`` and return the report's path.

    Args:
        folder: Made if absent; an earlier demo in it is replaced file by file.
        epochs: Of the training; every second one ends with a validation.
        epoch_length: Steps an epoch.
        seed: Of the phantoms, the split and the training.
    """
    start = time.monotonic()
    print("1/5 Synthetic patients: 24 to learn from and be judged on, three new ones", flush=True)
    known, new = folder / "phantoms", folder / "new_phantoms"
    write_brain_cohort(known, cases=24, seed=seed)
    write_brain_cohort(new, cases=3, seed=seed + 1000)
    write_splits(write_case_list(known, output=folder / "cases.json"), folds=4, test=0.25, seed=seed, output=folder)
    data = {"dataset_dir": known, "datalist": folder / "fold_0.json"}
    shared = {"ckpt_dir": folder / "models", "seed": seed}
    log = folder / "training"
    print(f"2/5 Training of a 3-D U-Net (to watch it: tensorboard --logdir {log})", flush=True)
    _run("train.yaml", **data, **shared, output_dir=log, val_interval=2, max_epochs=epochs, epoch_length=epoch_length)
    print("3/5 Scores on patients that the network has not seen", flush=True)
    _run("train.yaml", "evaluate.yaml", **data, **shared, output_dir=folder / "scores", evaluate_on="test")
    print("4/5 The trained bundle is packed, unpacked elsewhere, and predicts for new patients there", flush=True)
    _predict_elsewhere(folder, new)
    print("5/5 Report", flush=True)
    report = write_report(folder)
    minutes = (time.monotonic() - start) / 60
    archive = next((folder / "dist").glob("*.zip"))
    pictures = folder / "predictions" / "*" / "*_preview.png"
    print(f"Done in {minutes:.1f} minutes.\nReport:   {report}\nPictures: {pictures}\nArchive:  {archive}")
    return report


def write_report(folder: Path) -> Path:
    """Show the scores and the pictures of a finished demo on one page, ``report.html``."""
    rows = read_scores(folder / "scores" / "scores.csv")
    means = [line for line in summarise(rows) if line["metric"] == "dice"]
    columns = ("region", "mean", "sd", "median", "present_mean", "present_cases")
    page = Page(
        title="A brain tumour is segmented",
        note=PHANTOM_NOTE,
        sections=[
            Section(
                "Dice on patients that the network has not seen",
                text="NC necrotic core, ED edema, CET enhancing tumour, TC = NC + CET, WT = all three. A region that "
                "the truth lacks scores 0 when any of it is predicted, else 1; present_mean leaves such cases out.",
                tables=[
                    Table(columns, [[line[column] for column in columns] for line in means]),
                    Table(
                        ["case", *REGIONS],
                        [[row["case_id"], *(row[f"dice_{name}"] for name in REGIONS)] for row in rows],
                    ),
                ],
            ),
            Section("These patients: prediction above, truth below", figures=_previews(folder / "scores")),
            Section("New patients, without truth", figures=_previews(folder / "predictions")),
        ],
    )
    return page.write(folder / "report.html")


def _previews(folder: Path) -> list[Figure]:
    """Take the picture of every case in a folder of results."""
    pictures = sorted(folder.glob("*/*_preview.png"))
    return [Figure(picture, caption=picture.parent.name) for picture in pictures]


def _predict_elsewhere(folder: Path, patients: Path) -> None:
    """Pack the trained bundle as one would to send it, unpack it, and predict with what was in the archive."""
    archives, elsewhere = folder / "dist", folder / "elsewhere"
    for old in (archives, elsewhere):  # of an earlier demo: other weights under the same version
        shutil.rmtree(old, ignore_errors=True)
    model = folder / "models" / "model.pt"
    options = {"weights": model, "overlays": list(OVERLAYS), "patch_size": PATCH_SIZE, "output": archives}
    _python(["-m", "scanfill", "pack", BUNDLE], options)
    with zipfile.ZipFile(next(archives.glob("*.zip"))) as archive:
        archive.extractall(elsewhere)
    config = f"{BUNDLE}/configs/inference.yaml"
    _python(
        ["-m", "monai.bundle", "run", "--bundle_root", BUNDLE, "--config_file", config],
        {"dataset_dir": patients.resolve(), "output_dir": (folder / "predictions").resolve()},
        cwd=elsewhere,
    )


def _run(*configs: str, **knobs: object) -> None:
    """Run the bundle's configs with its overlays."""
    folder = scanfill.bundle_path(BUNDLE) / "configs"
    files = [str(folder / name) for name in (*configs, *OVERLAYS)]
    _python(["-m", "monai.bundle", "run", "--config_file", str(files)], {**knobs, "patch_size": PATCH_SIZE})


def _python(command: list[str], options: Mapping[str, object], cwd: Path | None = None) -> None:
    """Print a command as a person would type it, and run it."""
    words = [*command, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    print((f"$ cd {cwd}\n" if cwd else "") + "$ python " + shlex.join(words), flush=True)
    finished = subprocess.run([sys.executable, *words], check=False, cwd=cwd)  # noqa: S603  our own configs
    if finished.returncode:
        raise SystemExit(finished.returncode)

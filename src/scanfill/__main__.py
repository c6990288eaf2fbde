"""The command line, ``python -m scanfill VERB``: one plain function a verb.

Training and prediction are ``python -m monai.bundle run``, nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fire

from scanfill.errors import UsageError


def demo(folder: str = "runs/demo", epochs: int = 8, seed: int = 0) -> None:
    """Phantoms, a short training, scores, predictions and a report, in a few minutes on two CPU cores.

    Args:
        folder: Where everything goes.
        epochs: How long to train; fewer are faster and worse.
        seed: Of the phantoms and of the training.
    """
    from scanfill.report.demo import run_demo  # noqa: PLC0415  importing MONAI takes seconds; other verbs need not wait

    run_demo(Path(folder), epochs=epochs, seed=seed)


def phantoms(kind: str, folder: str, cases: int = 20, size: int = 64, seed: int = 0, *, skull: bool = False) -> None:
    """Make synthetic patients with known truth.

    Args:
        kind: ``brain``: four MRI contrasts with a three-part tumour, in BraTS naming.
        folder: Where they go, one folder a case.
        cases: How many.
        size: Voxels a side; the field of view stays the same.
        seed: Same seed, same bytes.
        skull: Heads as they come from the scanner, not stripped.
    """
    from scanfill.data.phantoms import KINDS  # noqa: PLC0415

    if kind not in KINDS:
        msg = f"There are no {kind!r} phantoms; choose from {', '.join(KINDS)}."
        raise UsageError(msg)
    KINDS[kind](folder, cases=cases, size=size, seed=seed, skull=skull)
    print(f"{cases} {kind} phantoms in {folder}")


def cases(
    folder: str,
    output: str = "cases.json",
    modalities: list[str] | None = None,
    labels: str = "auto",
    patient_regex: str | None = None,
) -> None:
    """Write a Decathlon-style list of the cases in a folder.

    Args:
        folder: One subfolder a case, or one case.
        output: The list.
        modalities: Those that each case must have; by default whatever is there.
        labels: Convention of the label values: auto, brats, brats2013, brats2023, brats2024, msd, or none.
        patient_regex: Which part of a case's name is the patient.
    """
    from scanfill.data import write_case_list  # noqa: PLC0415

    write_case_list(folder, output=output, modalities=modalities, labels=labels, patient_regex=patient_regex)


def split(datalist: str, folds: int = 5, test: float = 0.2, seed: int = 0, output: str | None = None) -> None:
    """Split a list of cases by patient, for cross-validation.

    Args:
        datalist: Written by ``cases``.
        folds: How many.
        test: Share of the patients that no fold sees.
        seed: Same seed, same split.
        output: Folder of the fold files; beside the list by default.
    """
    from scanfill.data import write_splits  # noqa: PLC0415

    write_splits(datalist, folds=folds, test=test, seed=seed, output=output)


VERBS = {"demo": demo, "phantoms": phantoms, "cases": cases, "split": split}


def main() -> None:
    """Run a verb; a mistake in the input is told without a traceback."""
    try:
        fire.Fire(VERBS, name="scanfill")
    except (UsageError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

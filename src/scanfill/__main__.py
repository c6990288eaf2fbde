"""The command line, ``python -m scanfill VERB``: one plain function a verb.

Training and prediction are ``python -m monai.bundle run``, nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fire

from scanfill.errors import UsageError


def demo(folder: str = "runs/demo", epochs: int = 6, seed: int = 0) -> None:
    """Phantoms, short trainings, scores, predictions, a study and a report, in a few minutes on two CPU cores.

    Args:
        folder: Where everything goes.
        epochs: How long to train; fewer are faster and worse.
        seed: Of the phantoms and of the training.
    """
    from scanfill.domains.brain_mri.demo import run_demo  # noqa: PLC0415  importing MONAI takes seconds; other verbs need not wait
    from scanfill.studies.run import check_snakemake  # noqa: PLC0415

    check_snakemake()  # now, not after minutes

    run_demo(Path(folder), epochs=epochs, seed=seed)


def phantoms(kind: str, folder: str, cases: int = 20, size: int = 64, seed: int = 0, **options: Any) -> None:
    """Make synthetic patients with known truth.

    Args:
        kind: Such as ``brain``: four MRI contrasts with a three-part tumour, in BraTS naming. Another word lists all.
        folder: Where they go, one folder a case.
        cases: How many.
        size: Voxels a side; the field of view stays the same.
        seed: Same seed, same bytes.
        options: Those that only this kind has, such as ``--skull`` of ``brain``: heads as they come from the scanner,
            not stripped.
    """
    from scanfill.domains import find_phantoms  # noqa: PLC0415

    kinds = find_phantoms()
    if kind not in kinds:
        known = "; ".join(f"{name}: {found.about}" for name, found in kinds.items())
        msg = f"There are no {kind!r} phantoms; there are {known}."
        raise UsageError(msg)
    kinds[kind].check_options(options)
    kinds[kind].write(folder, cases=cases, size=size, seed=seed, **options)
    print(f"{cases} {kind} phantoms in {folder}")


def cases(
    folder: str,
    output: str = "cases.json",
    modalities: list[str] | None = None,
    labels: str = "auto",
    patient_regex: str | None = None,
    *,
    schema: str = "brain_mri",
    qc: str | None = None,
    workers: int = 1,
) -> None:
    """Write a Decathlon-style list of the cases in a folder, and a page that says what seems wrong with them.

    Args:
        folder: One subfolder a case, or one case.
        output: The list.
        modalities: Those that each case must have; by default whatever is there.
        labels: Convention of the label values: auto, brats, brats2013, brats2023, brats2024, msd, or none.
        patient_regex: Which part of a case's name is the patient.
        schema: Kind of data: a folder under ``scanfill/domains``.
        qc: A quality report to write first, such as ``quality.html``; the same for programs is ``quality.json``.
        workers: Processes that look at the cases for the report.
    """
    from scanfill.data import write_case_list  # noqa: PLC0415

    if qc is not None:
        from scanfill.report.quality import write_quality_report  # noqa: PLC0415

        if Path(qc).with_suffix(".json").resolve() == Path(output).resolve():
            msg = f"The report {qc} has a JSON file of the same name beside it, which would be the list {output}: "
            msg += "give one of them another name, such as --qc quality.html."
            raise UsageError(msg)
        write_quality_report(
            folder, qc, schema=schema, modalities=modalities, patient_regex=patient_regex, workers=workers
        )
    write_case_list(
        folder, output=output, modalities=modalities, labels=labels, patient_regex=patient_regex, schema=schema
    )


def split(
    datalist: str,
    folds: int = 5,
    test: float = 0.2,
    seed: int = 0,
    output: str | None = None,
    *,
    schema: str = "brain_mri",
) -> None:
    """Split a list of cases by patient, for cross-validation.

    Args:
        datalist: Written by ``cases``.
        folds: How many.
        test: Share of the patients that no fold sees.
        seed: Same seed, same split.
        output: Folder of the fold files; beside the list by default.
        schema: Kind of data: a folder under ``scanfill/domains``.
    """
    from scanfill.data import write_splits  # noqa: PLC0415

    write_splits(datalist, folds=folds, test=test, seed=seed, output=output, schema=schema)


def prepare(
    folder: str,
    output: str,
    reference: str | None = None,
    spacing: float = 1.0,
    workers: int = 1,
    *,
    check_skull: bool = True,
) -> None:
    """Bring the scans of each case to one grid: reorient, register to T1CE or T1, resample, apply the brain mask.

    Args:
        folder: One subfolder a case, or one case; stays as it is.
        output: Where the prepared cases go; those that are there and unchanged are not made again.
        reference: The modality that the others are moved to; by default t1ce, else t1.
        spacing: Side of a voxel in mm.
        workers: Cases that are prepared at the same time.
        check_skull: Whether a case stops whose skull seems to be on and that has no mask.
    """
    from scanfill.domains.brain_mri.prepare import prepare_folder  # noqa: PLC0415

    done = prepare_folder(
        folder, output, reference=reference, spacing=spacing, workers=workers, check_skull=check_skull
    )
    done.report()


def restore(label: str, prepared: str, output: str, modality: str | None = None) -> None:
    """Bring a label map back from a prepared case to the grid of a scan as it was.

    Args:
        label: Label map on the prepared grid.
        prepared: Folder of the prepared case.
        output: The file to write.
        modality: Whose grid; by default that of the modality to which the others were registered.
    """
    from scanfill.domains.brain_mri.prepare import restore_label  # noqa: PLC0415

    restore_label(label, prepared, output=output, modality=modality)


def pack(
    bundle: str,
    weights: str | None = None,
    output: str = "dist",
    overlays: list[str] | None = None,
    *,
    vendor: bool = True,
    weights_url: str | None = None,
    **options: Any,
) -> None:
    """Pack a bundle as one zip file that runs where scanfill is not installed.

    Args:
        bundle: Folder that a training has left (its ``--bundle_root``), or name or folder of a bundle.
        weights: ``models/model.pt`` of a training; of a folder that a training has left, its own by default.
        output: Folder of the archive.
        overlays: More of them, such as ``unet.yaml``; those of the training are known.
        vendor: Bring scanfill along.
        weights_url: Where weights beyond 25 MB will lie.
        options: More ids of the configs, such as ``--patch_size "[48, 48, 48]"``; those of the training are known.
    """
    from scanfill.sharing import pack as pack_bundle  # noqa: PLC0415

    print(pack_bundle(bundle, weights, output, overlays, vendor=vendor, weights_url=weights_url, **options))


def check(*paths: str, ignore: str | list[str] | None = None, json: bool = False) -> None:
    """Find what goes wrong in a pipeline without an error message, by reading its config; nothing of it is run.

    The exit code is 1 where something was found, 2 where a config cannot be read.

    Args:
        paths: A bundle (name, folder or zip file), with or without overlays behind it; or configs that are merged.
        ignore: Rules to leave out, such as ``grid-before-crop,ct-geometry``.
        json: Print the findings as JSON.
    """
    from scanfill.sharing.check import as_json, as_text, look  # noqa: PLC0415

    def is_synthetic(path: Path) -> bool:
        from scanfill.data import provenance  # noqa: PLC0415  it brings MONAI, and most configs name no list of cases

        return provenance.is_synthetic(path)

    try:
        checked = look.check(look.listed(paths), look.listed(ignore), is_synthetic)
    except (UsageError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(as_json(*checked) if json else as_text(*checked))
    if checked.findings:
        raise SystemExit(1)


def study(
    file: str,
    *settings: str,
    out: str,
    dataset_dir: str | None = None,
    cores: int | None = None,
    profile: str | None = None,
    dry_run: bool = False,
    partial: bool = False,
    smoke: bool = False,
    set: str | None = None,  # noqa: A002  its name on the command line
) -> None:
    """Train, predict, score and report a comparison of strategies; a study that was stopped goes on where it was.

    Args:
        file: ``missing_modality.yaml``, ``augmentation.yaml``, or one of your own that states what differs.
        settings: More ``OPTION=VALUE``, behind ``--set``.
        out: Where everything goes.
        dataset_dir: Folder of the cases.
        cores: Processor cores to use at a time; all by default.
        profile: Where jobs run: ``slurm``, or the folder of a Snakemake profile; here by default.
        dry_run: Only print what would be done: the number of trainings, the hours they may take.
        partial: Report what there is, although some folds are not there yet.
        smoke: Shrink the study to minutes, on phantoms unless there is a ``dataset_dir``.
        set: Overrides the study file, ``OPTION=VALUE``; more of them follow it: ``--set folds=3 seeds=[0]``.
    """
    from scanfill.studies.run import run_study  # noqa: PLC0415

    if sum(word.partition("=")[0] == "--set" for word in sys.argv) > 1:
        msg = "Write --set once, with all options behind it: --set folds=3 seeds=[0]."
        raise UsageError(msg)
    overrides = [text for text in (set, *settings) if text is not None]
    flags = {"dry_run": dry_run, "partial": partial, "smoke": smoke}
    run_study(file, out, dataset_dir=dataset_dir, cores=cores, profile=profile, settings=overrides, **flags)


def reading_sheet(
    datalist: str,
    images: str,
    output: str,
    *,
    dataset_dir: str | None = None,
    modality: str | None = None,
    seed: int = 0,
) -> None:
    """Make a blinded sheet on which readers rate acquired and synthetic slices, in random order.

    Args:
        datalist: Cases with their acquired images, such as ``folds/fold_0.json`` of a study.
        images: Folder with ``<case>/<case>_synthetic_<modality>.nii.gz``, such as
            ``predictions/completion/seed_0/fold_0/images/flair`` of a study.
        output: Where ``for_the_readers`` goes, and ``key.csv``, which readers must not see.
        dataset_dir: Where the files of the list lie, should it have been moved.
        modality: Only this one; by default whatever was made.
        seed: Of the order.
    """
    from scanfill.data import read_list  # noqa: PLC0415
    from scanfill.domains.brain_mri.modalities import MODALITIES  # noqa: PLC0415
    from scanfill.studies.reading_sheet import find_pairs, make_reading_sheet  # noqa: PLC0415

    cases = [
        case for part in read_list(datalist, dataset_dir, schema="brain_mri", incomplete=True).values() for case in part
    ]
    pairs = find_pairs(cases, images, [modality] if modality else MODALITIES)
    print(f"Reading sheet: {make_reading_sheet(pairs, output, seed)}\nKey, not for the readers: {output}/key.csv")


def score_reading(key: str, *ratings: str, output: str = ".") -> None:
    """Score what readers wrote on their sheets: ratings of real and synthetic images, and whether they could tell.

    Args:
        key: ``key.csv`` of the sheet.
        ratings: The ``ratings.csv`` of each reader, renamed to the reader's name.
        output: Where ``reading.csv``, ``reading.md`` and ``reading.tex`` go.
    """
    from scanfill.studies.reading_sheet import write_reading_scores  # noqa: PLC0415

    paths = write_reading_scores(ratings, key, output)
    print(next(path for path in paths if path.suffix == ".md").read_text(encoding="utf-8"))


def tta_gain(
    bundle: str,
    checkpoint: str,
    output: str = "runs/tta",
    overlays: list[str] | None = None,
    **options: Any,
) -> None:
    """Measure what test-time augmentation gains (Dice, HD95) and costs (seconds) on the validation cases of a training.

    Args:
        bundle: Name or folder of a segmentation bundle.
        checkpoint: ``models/model.pt`` of a training.
        output: Where the table goes, ``tta.md``, ``.csv`` and ``.tex``, and ``cases.csv`` with a row a case.
        overlays: Those of the training, such as ``unet.yaml,modern.yaml``.
        options: Those of the evaluation, such as ``--dataset_dir``, ``--datalist``, ``--patch_size``, ``--tta_axes``.
    """
    from scanfill.studies.tta import Evaluation, write_gain  # noqa: PLC0415

    names = overlays.split(",") if isinstance(overlays, str) else overlays or ()
    evaluation = Evaluation(bundle, names, checkpoint=checkpoint, **options)
    print(write_gain(evaluation, output))


def augmentation_sheet(
    output: str,
    *presets: str,
    config: str | list[str] | None = None,
    dataset_dir: str | None = None,
    draws: int = 4,
    seed: int = 0,
) -> None:
    """Draw what presets of augmentation do to one case: a row a preset, a column a draw.

    Args:
        output: The PNG file.
        presets: Files, or names in ``configs/augmentation``; by default those for MRI whose packages are installed.
        config: A ``train.yaml`` that follows the contract, or several files that add up to one; by default that of
            ``brain_tumor_segmentation``.
        dataset_dir: Folder of the cases; phantoms by default.
        draws: Columns.
        seed: Of what is drawn.
    """
    from scanfill.domains.brain_mri.augmentation_sheet import make_sheet  # noqa: PLC0415

    print(make_sheet(output, presets, config, dataset_dir=dataset_dir, draws=draws, seed=seed))


VERBS = {
    "demo": demo,
    "phantoms": phantoms,
    "cases": cases,
    "split": split,
    "prepare": prepare,
    "restore": restore,
    "pack": pack,
    "check": check,
    "study": study,
    "reading_sheet": reading_sheet,
    "augmentation_sheet": augmentation_sheet,
    "score_reading": score_reading,
    "tta_gain": tta_gain,
}


def main() -> None:
    """Run a verb; a mistake in the input is told without a traceback."""
    try:
        fire.Fire(VERBS, name="scanfill")
    except (UsageError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nStopped. What was finished stays; the same command again goes on where it can.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()

"""The command line, ``python -m scanfill VERB``: one plain function per verb; those of ``rle`` are in ``rle_verbs``.

Every verb accepts ``--replace FILE``: a file that it may replace although scanfill did not write it. Training and
prediction use ``python -m monai.bundle run``.
"""

import inspect
import json
import shlex
import sys
from pathlib import Path

import fire

from scanfill import bundle_path, bundle_paths, rle_verbs
from scanfill.cli_args import as_commands, checked_words, take_option, typed_options
from scanfill.errors import UsageError
from scanfill.option_values import split_paths
from scanfill.replacing import allow_replacing


def demo(folder: str = "runs/demo", epochs: int = 6, seed: int = 0) -> None:
    """Run the demo: phantoms, short trainings, scores, predictions, a study and a report; minutes on two CPU cores.

    Args:
        folder: Output folder.
        epochs: Number of training epochs; fewer are faster but give worse results.
        seed: Random seed of the phantoms and of the training.
    """
    from scanfill.domains.brain_mri.demo import run_demo  # noqa: PLC0415  importing MONAI takes seconds; other verbs need not wait
    from scanfill.studies.run import check_snakemake  # noqa: PLC0415

    check_snakemake()  # fail now, not after minutes of training

    run_demo(Path(folder), epochs=epochs, seed=seed)


def phantoms(kind: str, folder: str, cases: int = 20, size: int | None = None, seed: int = 0, **options: str) -> None:
    """Generate synthetic patients with known ground truth.

    Args:
        kind: Kind of phantom, such as ``brain``: four MRI contrasts with a three-part tumor, in BraTS naming. An
            unknown kind lists all of them.
        folder: Output folder, with one subfolder per case.
        cases: Number of cases, or of persons.
        size: Voxels per side; the field of view stays the same. By default that of the kind.
        seed: Random seed; the same seed gives identical files.
        options: Options specific to this kind, such as ``--skull`` for ``brain``: heads with the skull, as they come
            from the scanner.
    """
    from scanfill.domains import find_phantoms  # noqa: PLC0415

    kinds = find_phantoms()
    if kind not in kinds:
        known = "; ".join(f"{name}: {found.about}" for name, found in kinds.items())
        msg = f"There are no {kind!r} phantoms; available kinds: {known}."
        raise UsageError(msg)
    kinds[kind].check_options(options)
    chosen = typed_options(kinds[kind].write, options)
    sized = {} if size is None else {"size": size}
    kinds[kind].write(folder, cases=cases, seed=seed, **sized, **chosen)
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
    """Write a Decathlon-style list of the cases in a folder and, optionally, a quality report on them.

    Args:
        folder: Folder with one subfolder per case, or the folder of a single case.
        output: The list to write.
        modalities: Modalities that each case must have; by default, any that are found.
        labels: Convention of the label values: auto, brats, brats2013, brats2023, brats2024, msd, or none.
        patient_regex: Regular expression for the part of a case's name that identifies the patient.
        schema: Kind of data: a folder under ``scanfill/domains``.
        qc: Quality report to write first, such as ``quality.html``; a machine-readable ``quality.json`` is written
            next to it.
        workers: Number of processes that examine the cases for the report.
    """
    from scanfill.data import write_case_list  # noqa: PLC0415

    if qc is not None:
        from scanfill.report.quality import write_quality_report  # noqa: PLC0415

        if Path(qc).with_suffix(".json").resolve() == Path(output).resolve():
            msg = f"The report {qc} also writes a JSON file of the same name, which would overwrite the list {output}: "
            msg += "rename one of them, for example --qc quality.html."
            raise UsageError(msg)
        write_quality_report(
            folder, qc, schema=schema, modalities=modalities, patient_regex=patient_regex, workers=workers
        )
    write_case_list(
        folder, output=output, modalities=modalities, labels=labels, patient_regex=patient_regex, schema=schema
    )


def explore(
    folder: str,
    output: str = "explored.html",
    predictions: str | None = None,
    against: str | None = None,
    *,
    modalities: list[str] | None = None,
    labels: str = "auto",
    patient_regex: str | None = None,
    schema: str = "brain_mri",
    workers: int = 1,
) -> None:
    """Write a page on what is in a data set: classes, overlaps, intensities, sizes, sides, duplicates, outliers.

    Args:
        folder: Folder of the cases.
        output: The page to write.
        predictions: Output folder of an inference, to show its errors.
        against: Folder of another set of the same kind, such as the test set: whether the two are too alike, or too
            different.
        modalities: The images to look at; by default, any that are found.
        labels: Convention of the label values, or none to look at the images alone.
        patient_regex: Regular expression for the part of a case's name that identifies the patient.
        schema: Kind of data: a folder under ``scanfill/domains``.
        workers: Number of processes that read the cases.
    """
    from scanfill.report.exploration.explore_page import write_exploration  # noqa: PLC0415

    options = {"modalities": modalities, "labels": labels, "patient_regex": patient_regex, "workers": workers}
    write_exploration(folder, output, schema=schema, predictions=predictions, against=against, **options)


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
        datalist: List written by ``cases``.
        folds: Number of folds.
        test: Fraction of the patients held out from all folds.
        seed: Random seed; the same seed gives the same split.
        output: Folder of the fold files; by default, that of the list.
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
        folder: Folder with one subfolder per case, or the folder of a single case; it is not modified.
        output: Folder of the prepared cases; cases that are already there and unchanged are skipped.
        reference: Modality that the others are registered to; by default t1ce, or t1 if there is no t1ce.
        spacing: Voxel size in mm.
        workers: Number of cases prepared in parallel.
        check_skull: Whether to reject a case that has no mask and does not appear to be skull-stripped.
    """
    from scanfill.domains.brain_mri.prepare import prepare_folder  # noqa: PLC0415

    done = prepare_folder(
        folder, output, reference=reference, spacing=spacing, workers=workers, check_skull=check_skull
    )
    done.report()


def restore(label: str, prepared: str, output: str, modality: str | None = None) -> None:
    """Resample a label map of a prepared case to the grid of the original scan.

    Args:
        label: Label map on the prepared grid.
        prepared: Folder of the prepared case.
        output: The file to write.
        modality: Modality whose original grid to use; by default the one that the others were registered to.
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
    **options: str,
) -> None:
    """Pack a bundle as one zip file that runs where scanfill is not installed.

    Args:
        bundle: Folder written by a training (its ``--bundle_root``), or the name or folder of a bundle.
        weights: ``models/model.pt`` of a training; by default, the weights in the folder written by the training.
        output: Output folder for the archive.
        overlays: Additional overlays, such as ``unet.yaml``; those of the training are included automatically.
        vendor: Whether to include a copy of scanfill in the archive.
        weights_url: URL where weights over 25 MB will be hosted.
        options: Additional config ids, such as ``--patch_size "[48, 48, 48]"``; those of the training are included
            automatically.
    """
    from scanfill.engines.command_line import option_values  # noqa: PLC0415
    from scanfill.engines.overrides import STANDALONE, find_overlays  # noqa: PLC0415
    from scanfill.sharing import pack as pack_bundle  # noqa: PLC0415

    folder = bundle_path(bundle)
    standalone = [folder / "configs" / name for name in reversed(STANDALONE)]
    files = [*filter(Path.is_file, standalone), *find_overlays(folder, overlays)]
    values = option_values(options, files, inspect.signature(pack).parameters)
    print(pack_bundle(bundle, weights, output, overlays, vendor=vendor, weights_url=weights_url, **values))


def check(*paths: str, ignore: list[str] | None = None, json: bool = False) -> None:
    """Check a pipeline's config for silent errors, without running any of it.

    The exit code is 1 if there are findings and 2 if a config cannot be read.

    Args:
        paths: A bundle (name, folder or zip file), optionally followed by overlays; or configs to be merged.
        ignore: Rules to skip, such as ``grid-before-crop,ct-geometry``.
        json: Print the findings as JSON.
    """
    from scanfill.sharing.check import as_json, as_text, look  # noqa: PLC0415

    def is_synthetic(path: Path) -> bool:
        from scanfill.data import provenance  # noqa: PLC0415  imports MONAI, and most configs name no case list

        return provenance.is_synthetic(path)

    try:
        checked = look.check(split_paths(paths), ignore or (), is_synthetic)
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
    """Train, predict, score and report a comparison of strategies; an interrupted study resumes.

    Args:
        file: ``missing_modality.yaml``, ``augmentation.yaml``, or your own file, which states only the differences.
        settings: More ``OPTION=VALUE`` pairs after ``--set``.
        out: Output folder.
        dataset_dir: Folder of the cases.
        cores: Number of CPU cores to use; all by default.
        profile: Where jobs run: ``slurm``, or the folder of a Snakemake profile; by default, on this machine.
        dry_run: Only print the plan: the number of trainings and the estimated hours.
        partial: Report the results so far, even if some folds are missing.
        smoke: Shrink the study to minutes, on phantoms unless ``dataset_dir`` is given.
        set: Override an option of the study file, ``OPTION=VALUE``; several can follow: ``--set folds=3 seeds=[0]``.
    """
    from scanfill.studies.run import run_study  # noqa: PLC0415

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
    schema: str = "brain_mri",
) -> None:
    """Make a blinded sheet on which readers rate acquired and synthetic images, in random order.

    Args:
        datalist: Cases with their acquired images, such as ``folds/fold_0.json`` of a study.
        images: Folder with ``<case>/<case>_synthetic_<modality>.nii.gz``, such as
            ``predictions/completion/seed_0/fold_0/images/flair`` of a study.
        output: Output folder for ``for_the_readers``, and for ``key.csv``, which readers must not see.
        dataset_dir: Folder of the files in the list, if they have been moved.
        modality: Only this modality; by default all that were synthesized.
        seed: Random seed of the order.
        schema: Kind of data, such as ``images_2d``.
    """
    from scanfill.data import load_schema, read_list  # noqa: PLC0415
    from scanfill.studies.reading_sheet import find_pairs, make_reading_sheet  # noqa: PLC0415

    cases = [
        case for part in read_list(datalist, dataset_dir, schema=schema, incomplete=True).values() for case in part
    ]
    pairs = find_pairs(cases, images, [modality] if modality else load_schema(schema).image_keys)
    print(f"Reading sheet: {make_reading_sheet(pairs, output, seed)}\nKey (not for the readers): {output}/key.csv")


def teaching_sheet(
    samples: str, output: str, *, hide: list[str] | None = None, seed: int = 0, schema: str = "images_2d"
) -> None:
    """Make a page of generated images with questions for students, and a page with the answers.

    Args:
        samples: Folder of generated pictures, such as ``eval/predictions`` of an inference.
        output: Output folder for ``questions.html`` and ``answers.html``.
        hide: Conditions that are neither asked for nor shown, such as ``x,y,size``.
        seed: Random seed of the order.
        schema: Kind of data that names the conditions.
    """
    from scanfill.data import load_schema  # noqa: PLC0415
    from scanfill.studies.reading_sheet import find_teaching_cases, make_teaching_sheet  # noqa: PLC0415

    cases = find_teaching_cases(samples)
    for page in make_teaching_sheet(cases, load_schema(schema), output, hide=hide or (), seed=seed):
        print(page)


def score_reading(key: str, *ratings: str, output: str = ".") -> None:
    """Score the readers' sheets: ratings of real and synthetic images, and whether readers could tell them apart.

    Args:
        key: ``key.csv`` of the sheet.
        ratings: The ``ratings.csv`` of each reader, renamed to the reader's name.
        output: Output folder for ``reading.csv``, ``reading.md`` and ``reading.tex``.
    """
    from scanfill.studies.reading_sheet import write_reading_scores  # noqa: PLC0415

    paths = write_reading_scores(ratings, key, output)
    print(next(path for path in paths if path.suffix == ".md").read_text(encoding="utf-8"))


def tta_gain(
    bundle: str,
    checkpoint: str,
    output: str = "runs/tta",
    overlays: list[str] | None = None,
    **options: str,
) -> None:
    """Measure the gain (Dice, HD95) and cost (seconds) of test-time augmentation on a training's validation cases.

    Args:
        bundle: Name or folder of a segmentation bundle.
        checkpoint: ``models/model.pt`` of a training.
        output: Output folder for the table (``tta.md``, ``.csv`` and ``.tex``) and ``cases.csv``, with one row per
            case.
        overlays: Overlays of the training, such as ``unet.yaml,modern.yaml``.
        options: Options of the evaluation, such as ``--dataset_dir``, ``--datalist``, ``--patch_size``,
            ``--tta_axes``.
    """
    from scanfill.engines.command_line import option_values  # noqa: PLC0415
    from scanfill.studies.tta import Evaluation, evaluation_configs, write_gain  # noqa: PLC0415

    files = evaluation_configs(bundle, overlays or ())
    values = option_values(options, files, inspect.signature(tta_gain).parameters)
    evaluation = Evaluation(bundle, overlays or (), checkpoint=checkpoint, **values)
    print(write_gain(evaluation, output))


def augmentation_sheet(
    output: str,
    *presets: str,
    config: list[str] | None = None,
    dataset_dir: str | None = None,
    draws: int = 4,
    seed: int = 0,
) -> None:
    """Plot the effect of augmentation presets on one case: one row per preset, one column per random draw.

    Args:
        output: The PNG file to write.
        presets: Files, or names in ``configs/augmentation``; by default those for MRI whose packages are installed.
        config: A ``train.yaml`` that follows the contract, or several files that are merged into one; by default that
            of ``brain_tumor_segmentation``.
        dataset_dir: Folder of the cases; phantoms by default.
        draws: Number of columns.
        seed: Random seed of the draws.
    """
    from scanfill.domains.brain_mri.augmentation_sheet import make_sheet  # noqa: PLC0415

    print(make_sheet(output, presets, config, dataset_dir=dataset_dir, draws=draws, seed=seed))


def bundles() -> None:
    """List the bundles with their tasks and folders, for ``python -m monai.bundle run``."""
    found = bundle_paths()
    for name, folder in found.items():
        about = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
        print(f"{name}: {about['task']}\n  {about['description']}\n  {folder}\n")
    if not found:
        print("There are no bundles next to this copy of scanfill.")
        return
    example = next(iter(found.values())) / "configs" / "train.yaml"
    print("To train one, with the results in runs/NAME; on your data with --dataset_dir FOLDER, else on phantoms:")
    print(f"  python -m monai.bundle run --config_file {shlex.quote(str(example))} --bundle_root runs/NAME")


VERBS = {
    verb.__name__: verb
    for verb in (
        demo,
        phantoms,
        cases,
        explore,
        split,
        prepare,
        restore,
        bundles,
        pack,
        check,
        study,
        reading_sheet,
        augmentation_sheet,
        teaching_sheet,
        score_reading,
        tta_gain,
    )
} | {
    f"rle {verb.__name__}": verb
    for verb in (rle_verbs.check, rle_verbs.score, rle_verbs.vote, rle_verbs.preview, rle_verbs.write)
}


def main() -> None:
    """Run a verb; report mistakes in the input without a traceback."""
    try:
        words, replaced = take_option(sys.argv[1:], "--replace")
        words = checked_words(VERBS, words)
        allow_replacing(replaced)
    except UsageError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    try:
        fire.Fire(as_commands(VERBS, words), command=words, name="scanfill")
    except (UsageError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nStopped. Finished work is kept; run the same command again to resume.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()

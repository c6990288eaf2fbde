"""The verb ``study``: check a study, write its plan, and let Snakemake create all missing results."""

import importlib.util
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import monai
import torch

import scanfill
from scanfill.data.cases import find_cases
from scanfill.data.phantoms import phantom_note
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.domains import find_phantoms
from scanfill.errors import UsageError
from scanfill.files import check_apart, writable_folder, writing
from scanfill.metrics.cohort import OVERALL

from .bundle_facts import options_of, phantoms_of, schema_of
from .checks import check_name
from .estimate import describe_plan
from .folds import data_checksums, divide, fingerprint, write_if_new, write_lists
from .kind import PROTOCOL
from .kinds import kind_of_study
from .lock import lock_folder
from .places import studies_folder
from .plan import read_study
from .profile import find_profile
from .report import write_study_report

Plan = dict[str, Any]

SNAKEFILE = Path(__file__).parent / "workflow" / "Snakefile"
OTHER = "other images"
"""Entry of the protocol with the checksum of another data set."""

PHANTOM_CASES = 12
"""Phantoms generated for a smoke study without data; their size is that of the bundle's own smoke test."""


def run_study(
    file: str | Path,
    out: str | Path,
    *,
    dataset_dir: str | Path | None = None,
    cores: int | None = None,
    profile: str | None = None,
    dry_run: bool = False,
    partial: bool = False,
    smoke: bool = False,
    settings: Sequence[str] = (),
) -> Path:
    """Run the missing trainings, predictions and scores of a study, and write its report.

    Args:
        file: The study file; see :py:func:`scanfill.studies.plan.read_study`.
        out: Output folder. An interrupted study resumes there.
        dataset_dir: Folder of the cases; a smoke study generates phantoms if it is not given.
        cores: Number of CPU cores to use; all by default.
        profile: Where jobs run: ``slurm``, or the folder of a Snakemake profile; by default, on this machine.
        dry_run: Only print the plan and its estimated cost.
        partial: Report the results so far, even if jobs failed or folds are missing.
        smoke: Shrink the study.
        settings: ``OPTION=VALUE`` overrides of the study file.

    Returns:
        The output folder, with ``report.html``.

    Raises:
        UsageError: The study file has a mistake; ``out`` is in the data folder, has results of another protocol or is
            in use by another process; Snakemake is not installed; or a job failed (its log was printed).
        CaseError: The data have a mistake, or there are fewer patients than folds.
    """
    study = read_study(file, settings, smoke=smoke)
    check_snakemake()
    if cores is not None and cores < 1:
        msg = f"--cores (={cores}) must be a whole number, 1 or more; leave it out to use all."
        raise UsageError(msg)
    own = None if profile is None else find_profile(profile)
    if dataset_dir is not None:
        check_apart(out, [Path(dataset_dir).expanduser().resolve()], "--out")
    folder = writable_folder(Path(out).resolve())
    with alone(folder) as lock:
        if dataset_dir is None and not study["smoke"]:
            msg = "--dataset_dir is required (or --smoke, for phantoms): pass a folder with one subfolder per case."
            raise UsageError(msg)
        if dataset_dir is None and study.get("other_phantoms") and not study["other_dataset_dir"]:
            study["other_dataset_dir"] = str(make_phantoms(study, folder / "other_phantoms", study["other_phantoms"]))
        data = Path(dataset_dir or make_phantoms(study, folder / "phantoms", {})).expanduser().resolve()
        plan = write_plan(study, folder, data)
        if dry_run:
            print(describe_plan(plan, folder), flush=True)  # noqa: T201  requested output
        unlock(folder)
        code = snakemake(folder, ["--dry-run", "--quiet", "rules"] if dry_run else [], lock, cores=cores, profile=own)
    if not dry_run and (partial or not code):
        print(f"Report: {write_study_report(folder, partial=partial)}", flush=True)  # noqa: T201  the result
    if code:
        msg = (
            f"Some jobs of the study in {folder} failed (exit code {code}); see their logs above. Finished work is "
            f"kept: run the same command again to resume."
        )
        raise UsageError(msg)
    return folder


def make_phantoms(study: dict[str, Any], folder: Path, options: Mapping[str, Any]) -> Path:
    """Write the phantoms of a smoke study without data; those of an earlier run are used again.

    Args:
        study: Its options.
        folder: Folder to write.
        options: Options of the phantoms, such as ``{"seed": 1000}``; the seed is 0 by default.

    Raises:
        UsageError: Its bundles have no phantoms, or these have no such option.
    """
    phantoms = phantoms_of(kind_of_study(study).find_bundles(study).values())
    if phantoms is None:
        msg = f"There are no phantoms for a study of kind {study['name']}: pass --dataset_dir."
        raise UsageError(msg)
    if not folder.is_dir():
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        name, size = phantoms
        kind = find_phantoms()[name]
        kind.check_options({option: value for option, value in options.items() if option not in ("cases", "seed")})
        kind.write(partial, **{"cases": PHANTOM_CASES, "seed": 0, **options, "size": size})
        partial.replace(folder)
    return folder


def check_snakemake() -> None:
    """Check that Snakemake is installed.

    Raises:
        UsageError: It is not; the message says what to install.
    """
    if importlib.util.find_spec("snakemake") is None:
        msg = "Studies need Snakemake, which is not installed: python -m pip install 'scanfill[studies]'"
        raise UsageError(msg)


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Lock a study's folder against other processes; the lock ends with the last process that holds it.

    Yields:
        File descriptor of the lock, for the scheduler to inherit.

    Raises:
        UsageError: Another process holds the lock.
    """
    with lock_folder(folder / ".study", "is running a study") as lock:
        yield lock.fileno()


def unlock(folder: Path) -> None:
    """Remove the lock of a scheduler that was killed; call this while holding the folder lock."""
    locks = folder / ".snakemake" / "locks"
    for lock in locks.glob("*") if locks.is_dir() else ():
        lock.unlink()


def write_plan(study: dict[str, Any], folder: Path, data: Path) -> Plan:
    """Write the case lists, copies of all configs, and ``study.json``, the complete description of a study.

    Raises:
        UsageError: ``folder`` has results of another protocol.
    """
    kind = kind_of_study(study)
    stated = schema_of(kind.find_bundles(study).values())
    schema = load_schema(stated)
    check_scored(study, schema)
    cases = find_cases(data, schema.image_keys, study["labels"], study["patient_regex"], schema=schema)
    others = other_cases(study, schema)
    protocol = {name: study[name] for name in (*PROTOCOL, *kind.incomparable)} | {"cases": fingerprint(cases, schema)}
    protocol["images"] = data_checksums(cases, folder / "data.json", schema)
    if others:
        protocol[OTHER] = data_checksums(others, folder / "other_data.json", schema)
    check_protocol(folder / "study.json", protocol)
    lists = divide(cases, study, others)
    write_lists(lists, folder / "folds", study, schema)
    write_if_new({"training": cases}, folder / "cases.json", schema, name=data.name)
    models = kind.find_models(study)
    bundles = {model["bundle"] for model in models.values()}
    copy_configs(folder, bundles, kind.configs)
    plan = {
        "protocol": protocol,
        "study": study,
        "models": models,
        "steps": kind.find_steps(study),
        "predictions": kind.find_predictions(study),
        "schema": stated,
        "empty": kind.empty,
        "without_labels_option": sorted(name for name in bundles if "labels" not in options_of(name)),
        "dataset_dir": str(data),
        "patients": {part: len({case["patient"] for case in lists["fold_0"][part]}) for part in lists["fold_0"]},
        "python": sys.executable,
        "gpu": int(study["device"].startswith("cuda") or (study["device"] == "auto" and torch.cuda.is_available())),
        "versions": {"scanfill": scanfill.__version__, "monai": monai.__version__, "torch": torch.__version__},
        "note": phantom_note([*cases, *others], schema),
        "data_sha256": protocol["images"],
        "command": shlex.join(["python", "-m", "scanfill", *sys.argv[1:]]),
    }
    with writing(folder / "study.json") as temporary:
        temporary.write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    return plan


def other_cases(study: Mapping[str, Any], schema: CaseSchema) -> list[dict[str, Any]]:
    """Find the cases of the other data set that is the test of a study; none if it has no such test."""
    other = study.get("other_dataset_dir")
    if not other:
        return []
    folder = Path(other).expanduser().resolve()
    return find_cases(folder, schema.image_keys, study["labels"], study["patient_regex"], schema=schema)


def check_scored(study: dict[str, Any], schema: CaseSchema) -> None:
    """Check that a study compares regions that its kind of data has.

    Raises:
        UsageError: There is no such region, no truth, or one of several files; or images without slices are to be
            scored slice by slice.
    """
    if schema.label is None or schema.label.kind == "channels":
        found = "no truth" if schema.label is None else "one mask per structure"
        msg = f"Studies score label maps or outlines, but {schema.name} has {found}."
        raise UsageError(msg)
    regions = [*schema.regions, *([] if schema.label.exclusive else [OVERALL])]
    for region in study["regions"]:
        check_name(region, regions, f"regions: {schema.name} has no region")
    if study.get("slices") and schema.spatial_dims != 3:
        msg = f"slices (=true): only volumes have slices; {schema.name} images have {schema.spatial_dims} axes."
        raise UsageError(msg)


def check_protocol(path: Path, protocol: dict[str, Any]) -> None:
    """Check that results in a folder are comparable with those of this study.

    Another data set may be added to a finished study: its networks stay, and only predict once more.

    Raises:
        UsageError: The existing study differs; the message gives the options.
    """
    if not path.is_file():
        return
    before = json.loads(path.read_text(encoding="utf-8"))["protocol"]
    added = {OTHER} - set(before)
    if differing := [name for name in protocol if before.get(name) != protocol[name] and name not in added]:
        options = ", ".join(
            f"different {name}"
            if name in {"cases", "images", OTHER}
            else f"{name} (={before.get(name)!r}, now {protocol[name]!r})"
            for name in differing
        )
        msg = f"{path.parent} has results of another protocol: {options}. Choose another --out, or the earlier options."
        raise UsageError(msg)


def copy_configs(folder: Path, bundles: set[str], more: Sequence[str] = ()) -> None:
    """Copy configs to the study's folder, so that later jobs do not depend on changes of this installation.

    Args:
        folder: Folder of the study.
        bundles: Names of the bundles.
        more: Folders of ``configs`` besides ``studies``.
    """
    copies = {folder / "configs" / name: studies_folder().parent / name for name in ("studies", *more)}
    copies |= {folder / "bundles" / name / "configs": scanfill.bundle_path(name) / "configs" for name in bundles}
    for target, source in copies.items():
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            copy = target / file.name
            if file.is_file() and not (copy.is_file() and copy.read_bytes() == file.read_bytes()):
                shutil.copyfile(file, copy)


def snakemake(
    folder: Path, options: Sequence[str], lock: int, *, cores: int | None = None, profile: Path | None = None
) -> int:
    """Run the workflow in the study's folder, in this process's group, and return the exit code."""
    command = [sys.executable, "-m", "snakemake", "-s", str(SNAKEFILE), "--configfile", "study.json"]
    command += ["--directory", str(folder), "--rerun-incomplete", "--keep-going"]
    command += ["--rerun-triggers", "mtime", "params", "input", *options]
    if profile is not None:
        command += ["--workflow-profile", str(profile)]
    else:
        command += ["--resources", "gpu=1"]  # jobs on one machine take turns on its GPU
    command += ["--cores", str(cores or "all")] if cores or profile is None else []
    return subprocess.run(command, check=False, pass_fds=[lock], cwd=folder).returncode  # noqa: S603  our own command

"""The verb ``study``: check a study, write down what it is, and have Snakemake make whatever is not there yet."""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import monai
import torch

import scanfill
from scanfill.data.cases import find_cases
from scanfill.data.phantoms import phantom_note
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.files import writable_folder, writing

from .estimate import describe_plan
from .folds import data_checksums, divide, fingerprint, write_if_new, write_lists
from .kind import PROTOCOL
from .kinds import kind_of_study
from .lock import lock_folder
from .places import studies_folder
from .plan import read_study
from .report import write_study_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Plan = dict[str, Any]

SNAKEFILE = Path(__file__).parent / "workflow" / "Snakefile"
PHANTOM_CASES, PHANTOM_SIZE = 12, 32
"""Made for a study that is to be small and names no data."""


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
    """Train, predict and score whatever of a study is not there yet, and report.

    Args:
        file: The study file; see :py:func:`scanfill.studies.plan.read_study`.
        out: Where everything goes. A study that was stopped goes on there.
        dataset_dir: Folder of the cases; one that is made small makes phantoms of its own.
        cores: Processor cores to use at a time; all by default.
        profile: Where jobs run: ``slurm``, or the folder of a Snakemake profile; here by default.
        dry_run: Only print what would be done, and what it may cost.
        partial: Report what there is, also where jobs failed or folds are not there.
        smoke: Shrink the study.
        settings: ``OPTION=VALUE`` over the study file.

    Returns:
        The output folder, with ``report.html``.

    Raises:
        UsageError: A mistake in the study file; results of another protocol in ``out``; another process at work there;
            Snakemake is not installed; some job failed (its log was named).
        CaseError: A mistake in the data, or fewer patients than folds.
    """
    study = read_study(file, settings, smoke=smoke)
    check_snakemake()
    folder = writable_folder(Path(out).resolve())
    with alone(folder) as lock:
        if dataset_dir is None and not study["smoke"]:
            msg = (
                "Which patients? Pass --dataset_dir DIR, a folder with one subfolder a case; or --smoke, for phantoms."
            )
            raise UsageError(msg)
        data = (
            Path(dataset_dir or brain_cohort(folder / "phantoms", PHANTOM_CASES, PHANTOM_SIZE)).expanduser().resolve()
        )
        plan = write_plan(study, folder, data)
        if dry_run:
            print(describe_plan(plan, folder), flush=True)  # noqa: T201  what was asked for
        unlock(folder)
        code = snakemake(
            folder, ["--dry-run", "--quiet", "rules"] if dry_run else [], lock, cores=cores, profile=profile
        )
    if not dry_run and (partial or not code):
        print(f"Report: {write_study_report(folder, partial=partial)}", flush=True)  # noqa: T201  the result
    if code:
        msg = (
            f"Some jobs of the study in {folder} failed (exit code {code}); their logs are named above. What was "
            f"finished stays: the same command again goes on from there."
        )
        raise UsageError(msg)
    return folder


def check_snakemake() -> None:
    """Refuse to start without Snakemake.

    Raises:
        UsageError: Says what to install.
    """
    if importlib.util.find_spec("snakemake") is None:
        msg = "Studies run on Snakemake, which is not installed: python -m pip install 'scanfill[studies]'"
        raise UsageError(msg)


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Hold a study's folder, so that no second process works there; the lock ends with the last process that holds it.

    Yields:
        File descriptor for the scheduler to hold, too.

    Raises:
        UsageError: Another process holds it.
    """
    with lock_folder(folder / ".study", "runs a study") as lock:
        yield lock.fileno()


def unlock(folder: Path) -> None:
    """Remove a lock that a scheduler has left that was killed; call it while holding the folder."""
    locks = folder / ".snakemake" / "locks"
    for lock in locks.glob("*") if locks.is_dir() else ():
        lock.unlink()


def write_plan(study: dict[str, Any], folder: Path, data: Path) -> Plan:
    """Write the lists of cases, copies of all configs, and ``study.json``, which says all that a study is.

    Raises:
        UsageError: ``folder`` has results of another protocol.
    """
    cases = find_cases(data, MODALITIES, study["labels"], study["patient_regex"], schema=SCHEMA)
    kind = kind_of_study(study)
    protocol = {name: study[name] for name in (*PROTOCOL, *kind.incomparable)} | {"cases": fingerprint(cases)}
    protocol["images"] = data_checksums(cases, folder / "data.json")
    check_protocol(folder / "study.json", protocol)
    lists = divide(cases, study)
    write_lists(lists, folder / "folds", study)
    write_if_new({"training": cases}, folder / "cases.json", name=data.name)
    models = kind.find_models(study)
    copy_configs(folder, {model["bundle"] for model in models.values()}, kind.configs)
    plan = {
        "protocol": protocol,
        "study": study,
        "models": models,
        "predictions": kind.find_predictions(study),
        **kind.further(study),
        "dataset_dir": str(data),
        "patients": {part: len({case["patient"] for case in lists["fold_0"][part]}) for part in lists["fold_0"]},
        "python": sys.executable,
        "gpu": int(study["device"].startswith("cuda") or (study["device"] == "auto" and torch.cuda.is_available())),
        "versions": {"scanfill": scanfill.__version__, "monai": monai.__version__, "torch": torch.__version__},
        "note": phantom_note(cases, SCHEMA),
        "data_sha256": protocol["images"],
        "command": shlex.join(["python", "-m", "scanfill", *sys.argv[1:]]),
    }
    with writing(folder / "study.json") as temporary:
        temporary.write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    return plan


def check_protocol(path: Path, protocol: dict[str, Any]) -> None:
    """Refuse to mix results that cannot be compared.

    Raises:
        UsageError: Says in which option the study that is there differs.
    """
    if not path.is_file():
        return
    before = json.loads(path.read_text(encoding="utf-8"))["protocol"]
    if differing := [name for name in protocol if before.get(name) != protocol[name]]:
        options = ", ".join(
            f"other {name}"
            if name in {"cases", "images"}
            else f"{name} (={before.get(name)!r}, now {protocol[name]!r})"
            for name in differing
        )
        msg = (
            f"{path.parent} has results of another protocol: {options}. Choose another --out, or the options of before."
        )
        raise UsageError(msg)


def copy_configs(folder: Path, bundles: set[str], more: Sequence[str] = ()) -> None:
    """Copy configs to where the jobs run: the same ones later, whatever becomes of this installation.

    Args:
        folder: Of the study.
        bundles: Their names.
        more: Folders of ``configs`` beside ``studies``.
    """
    copies = {folder / "configs" / name: studies_folder().with_name(name) for name in ("studies", *more)}
    copies |= {folder / "bundles" / name / "configs": scanfill.bundle_path(name) / "configs" for name in bundles}
    for target, source in copies.items():
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            copy = target / file.name
            if file.is_file() and not (copy.is_file() and copy.read_bytes() == file.read_bytes()):
                shutil.copyfile(file, copy)


def snakemake(
    folder: Path, options: Sequence[str], lock: int, *, cores: int | None = None, profile: str | None = None
) -> int:
    """Run the workflow in the study's folder, in this process's group, and return the exit code."""
    command = [sys.executable, "-m", "snakemake", "-s", str(SNAKEFILE), "--configfile", "study.json"]
    command += ["--directory", str(folder), "--rerun-incomplete", "--keep-going"]
    command += ["--rerun-triggers", "mtime", "params", "input", *options]
    if profile is not None:
        own = studies_folder() / "profiles" / profile
        command += ["--workflow-profile", str(own if own.is_dir() else Path(profile).resolve())]
    else:
        command += ["--resources", "gpu=1"]  # jobs of one machine take turns on its GPU
    command += ["--cores", str(cores or "all")] if cores or profile is None else []
    return subprocess.run(command, check=False, pass_fds=[lock], cwd=folder).returncode  # noqa: S603  our own command

"""Record the results of the three bundles and two small studies, to compare two commits on one machine.

Refactoring must not change any result. Record one commit in a separate work tree, and then the other one::

    git worktree add /tmp/before 2b9d6d6
    python tests/golden_record.py record /tmp/before before.json --jobs 2
    python tests/golden_record.py record . after.json --jobs 2
    python tests/golden_record.py compare before.json after.json

``compare`` prints the differences, and exits with 1 if there are any. Results must be identical to the last bit, so
both records must come from the same machine and environment. ``record TREE OUTPUT --only modality_dropout lists`` runs
only some parts (``record --help`` lists them), and ``compare`` then uses the parts that both records have.
``--work FOLDER`` keeps the output files, to inspect differences.

Only the command line of a tree is used (``python -m monai.bundle run``, ``python -m scanfill``), with its ``src`` first
on the path, one thread, no GPU and fixed seeds, so this file works for any commit. It takes about ten minutes on one
core, and half of that with ``--jobs 2`` on two idle ones.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import monai
import nibabel as nib
import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENTATION, SYNTHESIS, COMPLETION = "brain_tumor_segmentation", "mri_modality_synthesis", "mri_modality_completion"

NOT_RESULTS = re.compile(
    r"(phantoms|bundles|logs|\.snakemake)/|(.*/)?(configs|docs)/|training/.*\.(json|pt)$"
    r"|(.*/)?(last\.pt|receipt\.json|datalist\.json)$|(study|data)\.json$"
)
"""Files that are not results or describe the run: inputs, copies of configs, logs; times, commands, file checksums."""

VOLATILE = re.compile(
    r"(?<![a-z])(seconds?|hours?|date|commit|version|device|hardware|sha256)(?![a-z])|\((h|s|s a case)\)", re.IGNORECASE
)
"""Table columns and JSON keys that differ between two runs of one commit, or only because of the version."""

VOLATILE_TEXT = {
    re.compile(
        r"\b[0-9a-f]{64}\b"
    ): "<sha256>",  # files that contain dates or versions; their voxels have checksums here
    re.compile(r"\b\d+\.\d+\.\d+(\.?(dev|a|b|rc)\d+)?\b"): "<version>",
    re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)?"): "<date>",
}
"""Replacements of such values inside a text."""

LEFT_BUNDLE = re.compile(r"(/models/[^/]+/seed_\d+/fold_\d+)/models/")
"""Before version 0.2, a training of a study left its weights alone, not a bundle."""

TRAINING_HASH = re.compile(r"(/training/.*)/[0-9a-f]{12}(?=/)")
"""A study names training folders by a checksum of their configs, whose comments may change."""


@dataclass(frozen=True)
class Run:
    """One part of a record: the command line of a tree, and the folder of its results.

    Attributes:
        tree: The work tree.
        work: The temporary folder with ``phantoms`` and the files derived from them.
        out: Output folder of this part; its final content is recorded.
    """

    tree: Path
    work: Path
    out: Path

    def python(self, *words: str) -> None:
        """Run a module of the tree in a separate process, which must succeed."""
        log = self.out.with_suffix(".log")
        with log.open("a") as file:
            command = [sys.executable, "-m", *words]
            done = subprocess.run(
                command, check=False, stdout=file, stderr=file, env=environment(self.tree), cwd=self.work
            )
        if done.returncode:
            sys.exit(f"{' '.join(words)}\nfailed with exit code {done.returncode}:\n{log.read_text()[-5000:]}")

    def bundle(self, name: str, configs: str, cases: str, **knobs: Any) -> None:
        """Run a bundle's configs, given by name, on a folder of phantoms."""
        files = [str(config(self.tree, file, name)) for file in configs.split()]
        words = [word for knob, value in knobs.items() for word in (f"--{knob}", str(value))]
        places = ("--bundle_root", str(self.out), "--dataset_dir", str(self.work / cases))
        self.python("monai.bundle", "run", "--config_file", str(files), *places, *words)

    def chain(self, name: str, new_cases: str) -> None:
        """Train a bundle for a few steps, evaluate it, and predict other cases, like the tests of the bundles."""
        self.bundle(name, "train.yaml small.yaml smoke.yaml", "phantoms")
        self.bundle(name, "train.yaml evaluate.yaml small.yaml", "phantoms")
        self.bundle(name, "inference.yaml small.yaml", new_cases)

    def study(self, file: str, *settings: str) -> None:
        """Run a study of the smallest size, one job at a time, on its own phantoms."""
        knobs = ("--smoke", "--out", str(self.out), "--cores", "1", "--set", "subset.folds=[0]", *settings)
        self.python("scanfill", "study", str(config(self.tree, file)), *knobs)


def overlays(run: Run) -> None:
    """Train with the alternative network, recipe and augmentation, and fill a missing modality with zero."""
    files = "train.yaml unet.yaml modern.yaml mri.yaml"
    run.bundle(SEGMENTATION, files, "phantoms", max_epochs=1, epoch_length=3)
    run.bundle(SEGMENTATION, "inference.yaml unet.yaml", "without_flair", missing="zero", tta="flips")


def modality_dropout(run: Run) -> None:
    """Train one network for all subsets, and use it with a missing modality."""
    files = "train.yaml small.yaml modality_dropout.yaml"
    run.bundle(SEGMENTATION, files, "phantoms", max_epochs=1, epoch_length=3)
    run.bundle(SEGMENTATION, "inference.yaml small.yaml", "without_flair")


def missing_modality_study(run: Run) -> None:
    """Compare a network for three modalities with one for four and a FLAIR from each synthesis bundle."""
    strategies = "subset.strategies=[dedicated, pairwise, completion]"
    run.study("missing_flair.yaml", "subset.targets=[flair]", "subset.sources=[t2]", strategies)


def augmentation_study(run: Run) -> None:
    """Compare one preset with no augmentation."""
    run.study("augmentation_small.yaml", "subset.presets=[nnunet]")


def lists(run: Run) -> None:
    """Check the cases, list them, and split them."""
    run.out.mkdir()
    quality = ("--qc", str(run.out / "quality.html"))
    run.python("scanfill", "cases", "phantoms", str(run.out / "cases.json"), *quality)
    run.python("scanfill", "split", str(run.out / "cases.json"), "--folds", "2")


PARTS: dict[str, Callable[[Run], None]] = {  # the longest first, so that two jobs finish together
    "missing_modality_study": missing_modality_study,
    "augmentation_study": augmentation_study,
    COMPLETION: lambda run: run.chain(COMPLETION, "without_t1ce_flair"),
    SYNTHESIS: lambda run: run.chain(SYNTHESIS, "without_flair"),
    SEGMENTATION: lambda run: run.chain(SEGMENTATION, "phantoms"),
    "unet_modern_mri": overlays,
    "modality_dropout": modality_dropout,
    "lists": lists,
}


def environment(tree: Path) -> dict[str, str]:
    """Return the environment of the tree's processes: its own sources first, one thread, no GPU."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    fixed = {"PYTHONPATH": str(tree / "src"), "PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
    return {**os.environ, **one, **fixed}


def config(tree: Path, name: str, bundle: str = "") -> Path:
    """Find a config by name: among the bundle's own, then at the shallowest level of the tree."""
    for home in ([tree / "bundles" / bundle / "configs"] if bundle else []) + [tree / "configs", tree / "src"]:
        if found := sorted(home.rglob(name), key=lambda path: (len(path.parts), path)):
            return found[0]
    sys.exit(f"There is no config {name} in {tree} (bundle: {bundle or 'none'}).")


def record(tree: Path, output: Path, parts: list[str], jobs: int, work: Path) -> None:
    """Run the parts in a folder and write their results."""
    asked = [sys.executable, "-c", "import scanfill; print(scanfill.__file__)"]
    found = subprocess.run(asked, check=True, capture_output=True, text=True, env=environment(tree)).stdout.strip()
    if not Path(found).is_relative_to(tree):
        sys.exit(f"scanfill would be imported from {found}, not from {tree}. Is that a work tree of scanfill?")
    make_cases(tree, work)
    runs = {name: Run(tree, work, work / name) for name in parts}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for waited in as_completed([pool.submit(PARTS[name], run) for name, run in runs.items()]):
                waited.result()
        except SystemExit:
            pool.shutdown(cancel_futures=True)
            raise
    places = {str(work): "<work>", str(tree): "<tree>"}
    folders = [work / "phantoms", *(run.out for run in runs.values())]
    results = {name: value for folder in folders for name, value in look(folder, places).items()}
    about = {"torch": torch.__version__, "monai": monai.__version__, "processor": processor()}
    content = {"about": about, "parts": sorted(parts), "results": dict(sorted(results.items()))}
    output.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{len(results)} results of {', '.join(parts)} in {output}")


def make_cases(tree: Path, work: Path) -> None:
    """Create the phantoms, and copies of them as new patients, without label map and without some modalities."""
    size = ("--cases", "5", "--size", "32", "--seed", "0")
    Run(tree, work, work / "phantoms").python("scanfill", "phantoms", "brain", str(work / "phantoms"), *size)
    for absent in (["flair"], ["t1ce", "flair"]):
        patterns = [f"*_{name}.nii.gz" for name in ("seg", *absent)]
        ignore = shutil.ignore_patterns(*patterns)
        shutil.copytree(work / "phantoms", work / "_".join(["without", *absent]), ignore=ignore)


def processor() -> str:
    """Return the processor's name as precisely as possible, since arithmetic depends on it."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    return model[1] if model else platform.processor() or platform.machine()


def look(folder: Path, places: dict[str, str]) -> dict[str, str]:
    """Read every result in a folder: its name, and its text or checksum."""
    results: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if folder.name != "phantoms" and NOT_RESULTS.match(path.relative_to(folder).as_posix()):
            continue
        name = TRAINING_HASH.sub(r"\1", path.relative_to(folder.parent).as_posix())
        name = LEFT_BUNDLE.sub(r"\1/", name)
        if "tfevents" in path.name:
            for tag, text in scalars(path).items():
                key = f"{Path(name).parent.as_posix()}: {tag}"
                results[key] = results.get(key, "") + text
        elif reader := READERS.get("".join(path.suffixes[-2:])) or READERS.get(path.suffix):
            results[name] = reader(path, places)
    return results


def scalars(path: Path) -> dict[str, str]:
    """Read a TensorBoard log: for each tag, one line with step and value per entry."""
    tags: dict[str, str] = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            tags[value.tag] = tags.get(value.tag, "") + f"{event.step} {make_ndarray(value.tensor).tolist()!r}\n"
    return tags


def plain(text: str, places: dict[str, str]) -> str:
    """Remove paths, dates and versions from a text."""
    for place, name in places.items():
        text = text.replace(place, name)
    for pattern, name in VOLATILE_TEXT.items():
        text = pattern.sub(name, text)
    return text


def read_table(path: Path, places: dict[str, str]) -> str:
    """Read a table without the columns that differ between runs; comments above it begin with #."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    remarks = [line for line in lines if line.startswith("#")]
    columns, *rows = csv.reader(lines[len(remarks) :])
    kept = [number for number, column in enumerate(columns) if not VOLATILE.search(column)]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[row[number] for number in kept] for row in (columns, *rows)])
    return plain("".join(remarks) + buffer.getvalue(), places)


def read_json(path: Path, places: dict[str, str]) -> str:
    """Read a JSON file with sorted keys, without those that differ between runs."""
    return plain(json.dumps(steady(json.loads(path.read_text())), indent=1, sort_keys=True), places)


def steady(content: Any) -> Any:
    """Remove the entries of a JSON file that differ between runs."""
    if isinstance(content, dict):
        return {key: steady(value) for key, value in content.items() if not VOLATILE.search(key)}
    return [steady(value) for value in content] if isinstance(content, list) else content


def digest(array: np.ndarray[Any, Any]) -> str:
    """Return an array's type and shape and a checksum of its values."""
    return f"{array.dtype} {array.shape} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"


def read_scan(path: Path, _: dict[str, str]) -> str:
    """Read the voxels and affine of a scan; the rest of its header may contain dates and versions."""
    image = nib.load(path)
    return f"{digest(np.asanyarray(image.dataobj))}; affine {digest(image.affine)}"


def read_picture(path: Path, _: dict[str, str]) -> str:
    """Read the pixels of a picture; the file also contains the version of the plotting library."""
    return digest(np.asarray(Image.open(path)))


def read_weights(path: Path, _: dict[str, str]) -> str:
    """Read names and tensors of a state dictionary in order, without other information about the training."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    tensors = {name: digest(value.numpy()) for name, value in weights.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        sys.exit(f"{path} has no tensors at the top level, so it is not a state dictionary.")
    together = hashlib.sha256(json.dumps(list(tensors.items())).encode()).hexdigest()
    return f"{len(tensors)} tensors {together}"


READERS: dict[str, Callable[[Path, dict[str, str]], str]] = {
    ".nii.gz": read_scan,
    ".png": read_picture,
    ".pt": read_weights,
    ".csv": read_table,
    ".json": read_json,
}


def compare(before: Path, after: Path) -> int:
    """Print what differs between two records, and return the exit code."""
    old, new = (json.loads(path.read_text()) for path in (before, after))
    for name in old["about"]:
        if old["about"][name] != new["about"][name]:
            print(f"The records are from different environments: {name} {old['about'][name]} and {new['about'][name]}.")
    both = {"phantoms", *(set(old["parts"]) & set(new["parts"]))}
    if alone := set(old["parts"]) ^ set(new["parts"]):
        print(f"Not compared because only one record has them: {', '.join(sorted(alone))}.")
    first, second = ({k: v for k, v in r["results"].items() if k.split("/")[0] in both} for r in (old, new))
    moved = [f"gone: {name}" for name in first if name not in second]
    moved += [f"new: {name}" for name in second if name not in first]
    moved += [f"moved: {k}{difference(v, second[k])}" for k, v in first.items() if k in second and v != second[k]]
    print("\n".join([*moved, f"{len(moved)} of {len(first | second)} results differ, in {', '.join(sorted(both))}."]))
    return 1 if moved else 0


def difference(old: str, new: str) -> str:
    """Show the first line where two results differ."""
    for number, (one, other) in enumerate(zip_longest(old.splitlines(), new.splitlines()), start=1):
        if one != other:
            return f"\n    line {number}: {one}\n    now: {other}"
    return ""


def main() -> int:
    """Parse the command line and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="run a tree and write its results")
    recording.add_argument("tree", type=Path)
    recording.add_argument("output", type=Path)
    recording.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME", help=", ".join(PARTS)
    )
    recording.add_argument("--jobs", type=int, default=1, help="number of parts that run in parallel, each on one core")
    recording.add_argument(
        "--work", type=Path, help="a new folder that keeps the output files; by default a temporary one"
    )
    comparing = verbs.add_parser("compare", help="print the differences and exit with 1 if there are any")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    knobs = parser.parse_args()
    if knobs.verb == "compare":
        return compare(knobs.before, knobs.after)
    with tempfile.TemporaryDirectory(prefix="golden_") as temporary:
        work = (knobs.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=knobs.work is None)
        record(knobs.tree.resolve(), knobs.output, knobs.only, knobs.jobs, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())

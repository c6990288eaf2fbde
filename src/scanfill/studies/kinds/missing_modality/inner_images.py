"""Training cases of ``synthetic_trained``: synthetic sequences by networks not trained on the same patients.

A synthesizer performs better on the patients that it was trained on; a segmenter trained on such images would get worse
ones later. A fold's training patients are therefore split into inner folds, and each patient's images are synthesized
by networks trained on the other inner folds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from scanfill.data import read_list, write_split
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines.training_record import input_names
from scanfill.errors import CaseError
from scanfill.missing.generators import Generator
from scanfill.studies.kinds.missing_modality.images import make_images, open_trained
from scanfill.studies.trained import trained_from

Case = dict[str, Any]


def make_training_images(
    datalist: str | Path,
    inner_lists: Sequence[str | Path],
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    models: Sequence[Mapping[str, str]],
    missing_sets: Sequence[Sequence[str]],
    device: torch.device | str = "cpu",
) -> None:
    """Write a list of training cases: each as acquired, and once for each missing set with synthetic sequences.

    Args:
        datalist: List with ``training`` and, optionally, ``validation``, which is not changed.
        inner_lists: One list for each inner fold: the patients its networks were trained on.
        output_dir: Output folder for the images, in ``images``, and finally the list, ``list.json``.
        dataset_dir: Folder of the cases.
        models: For each inner fold, sequence -> the bundle that synthesizes it.
        missing_sets: Sets of sequences to replace.
        device: Device to run the networks on.

    Raises:
        CaseError: A patient is in every inner training list, or an image could not be synthesized.
    """
    folder = Path(output_dir)
    split = read_list(datalist, dataset_dir, MODALITIES, schema=SCHEMA)
    learned = [
        {case["patient"] for case in read_list(path, dataset_dir, schema=SCHEMA)["training"]} for path in inner_lists
    ]
    generators: list[dict[str, Generator]] = []
    for number, makers in enumerate(models):
        trained = trained_from(makers)
        place = folder / "images" / f"inner_{number}"
        generators.append(
            {
                target: open_trained(model, "synthesis", target, folder=place / target, device=device)
                for target, model in trained.items()
            }
        )
    cases = []
    for case in tqdm(split["training"], desc="Synthetic sequences", unit="case"):
        inner = next((number for number, patients in enumerate(learned) if case["patient"] not in patients), None)
        if inner is None:
            msg = f"Patient {case['patient']!r} is in every inner training list: no network can make the images."
            raise CaseError(msg)
        images: dict[str, str] = {}
        for target, generator in generators[inner].items():
            place = folder / "images" / f"inner_{inner}" / target
            images |= make_images(generator, case, input_names(generator.record), [target], place)
        cases += [case, *(variant(case, names, images) for names in missing_sets)]
    write_split(split | {"training": cases}, folder / "list.json", name="synthetic_trained", schema=SCHEMA)


def variant(case: Case, names: Sequence[str], images: Mapping[str, str]) -> Case:
    """Return a copy of a case with a new name and synthetic sequences instead of some acquired ones."""
    made = {name: images[name] for name in names}
    return case | made | {"case_id": f"{case['case_id']}_without_{'_'.join(names)}", "synthetic": list(names)}

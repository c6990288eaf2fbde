"""Which real images a generator is judged with: its training images, others to compare with, others for the judge."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanfill.data.cases import find_cases
from scanfill.data.copies import add_fingerprints, fingerprints_of
from scanfill.data.kept_split import split_file
from scanfill.data.lists import read_list_file
from scanfill.data.schema import Case, CaseSchema
from scanfill.data.splits import split_cases
from scanfill.errors import CaseError

logger = logging.getLogger(__name__)

ENOUGH = 200
"""Images to compare with, of which the first percentile of a distance is not just the smallest or the second."""


@dataclass(frozen=True)
class RealParts:
    """Real images in three parts; no patient is in two of them.

    Attributes:
        training: What the generator was trained on.
        held_out: Images that samples are compared with.
        judged_on: Images that the judge is trained on.
    """

    training: Sequence[Case]
    held_out: Sequence[Case]
    judged_on: Sequence[Case]


def real_parts(
    evaluated: Sequence[Case],
    cases: Mapping[str, Sequence[Case]],
    *,
    schema: CaseSchema,
    ckpt_dir: str | Path,
    evaluate_on: str = "validation",
    judge_dir: str | Path | None = None,
    training_dir: str | Path | None = None,
    seed: int = 0,
) -> RealParts:
    """Divide real images.

    Args:
        evaluated: Images that the generator was not trained on.
        cases: All cases of the folder, by part; its training images are taken from here if they are there.
        schema: The kind of data.
        ckpt_dir: Folder of the checkpoints, next to which the training's split is kept.
        evaluate_on: Which part ``evaluated`` is. If it is the test part, the validation part is for the judge.
        judge_dir: Folder of images for the judge; by default, half of the patients of ``evaluated``.
        training_dir: Folder of the training images, if they are elsewhere.
        seed: Seed of the halves, and of the order of the images.

    Raises:
        CaseError: The training images are not found; an image for the judge is a training image or is compared with.
    """
    training = list(cases.get("training", ())) or _training_images(schema, ckpt_dir, training_dir)
    if judge_dir is None and evaluate_on == "test" and cases.get("validation"):
        held_out, judged_on = list(evaluated), list(cases["validation"])
    elif judge_dir is None:
        halves = split_cases(list(evaluated), validation=0.5, seed=seed)
        held_out, judged_on = halves["validation"], halves["training"]
    else:
        held_out, judged_on = list(evaluated), find_cases(judge_dir, schema=schema)
        add_fingerprints(judged_on, schema)
        _refuse_shared(judged_on, [*training, *held_out], judge_dir)
    training, held_out = _shuffled(training, seed), _shuffled(held_out, seed)
    if len(held_out) < ENOUGH:
        logger.warning(
            "%d images to compare with are few: which samples count as copies depends on single images, and intervals "
            "are wide. Take %d or more.",
            *(len(held_out), ENOUGH),
        )
    logger.info("%d training images, %d to compare with, %d for the judge", *map(len, (training, held_out, judged_on)))
    return RealParts(training, held_out, judged_on)


def _shuffled(cases: Sequence[Case], seed: int) -> list[Case]:
    """Return cases in another order, so that the first of them are not all of one modality or class."""
    return [cases[index] for index in np.random.default_rng(seed).permutation(len(cases))]


def _training_images(schema: CaseSchema, ckpt_dir: str | Path, training_dir: str | Path | None) -> list[Case]:
    """Find the training images of a generator in a folder, by their names in its split."""
    file = split_file(ckpt_dir)
    if training_dir is None or not file.is_file():
        msg = (
            f"The generator's training images are not in the evaluated folder, so copies of them cannot be looked for: "
            f"pass their folder with --training_dir (their names are in {file})."
        )
        raise CaseError(msg)
    names = {str(case["case_id"]) for case in read_list_file(file).get("training", ())}
    found = [case for case in find_cases(training_dir, schema=schema) if case["case_id"] in names]
    if not found:
        msg = f"{training_dir} has none of the {len(names)} training images that {file} lists."
        raise CaseError(msg)
    return found


def _refuse_shared(judged_on: Sequence[Case], others: Sequence[Case], judge_dir: str | Path) -> None:
    known = {mark for case in others for mark in fingerprints_of(case)}
    shared = [str(case["case_id"]) for case in judged_on if fingerprints_of(case) & known]
    if shared:
        msg = (
            f"{len(shared)} images of {judge_dir} are training images or compared with, such as {shared[0]}: the judge "
            f"would know them. Take others."
        )
        raise CaseError(msg)

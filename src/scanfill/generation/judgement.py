"""Judge a generator: does it obey, does it cover, does it copy; always beside straw men and real images."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from scanfill.files import writing
from scanfill.generation.fidelity import condition_fidelity, specificity
from scanfill.generation.gates import Gate, gates
from scanfill.generation.judge import FEATURES, Judge, JudgeNetwork, train_judge
from scanfill.generation.straw_men import CLASS_MEAN, straw_men
from scanfill.generation.vocabulary import Vocabulary
from scanfill.metrics.sample_distances import frechet_distance, kernel_distance, kernel_distance_interval
from scanfill.metrics.sample_diversity import mean_similarity
from scanfill.metrics.sample_neighbors import (
    closest_pairs,
    membership_auc,
    nearest,
    neighbor_scores,
    share_of_copies,
)

Case = Mapping[str, Any]
Instrument = Callable[[Tensor], list[dict[str, Any]]]

SAMPLES, REAL = "samples", "real images"
"""Names of the first two rows; those of straw men follow."""

JUDGE, MEASURED = "judge", "measured"
"""Names of the instruments: a network; and, for phantoms, a fit of their parameters."""

PIXELS, FEATURE_SPACE = "pixels", "features"
"""Spaces in which training images are looked for: gray values, and the judge's features."""

CLOSEST = 5
"""Number of samples that are shown beside the nearest training image."""


@dataclass
class Images:
    """Images in -1 to 1, ``(N, 1, X, Y)``, and the conditions of each."""

    pixels: Tensor
    cases: Sequence[Case]

    def __len__(self) -> int:
        return len(self.cases)

    def first(self, number: int) -> "Images":
        """Return the first of them."""
        return Images(self.pixels[:number], self.cases[:number])

    def after(self, number: int) -> "Images":
        """Return those after the first."""
        return Images(self.pixels[number:], self.cases[number:])


@dataclass
class Judged:
    """What was found.

    Attributes:
        scores: Row -> its scores.
        fidelity: Row -> instrument -> one row per condition.
        gates: Row -> its gates.
        useful: Training set of a judge (``samples``, ``real images``) -> its fidelity on held-out real images.
        closest: Space (``pixels``, ``features``) -> the samples nearest to a training image: sample, training image,
            distance; the nearest first.
        distances: Space -> ``samples`` and ``real images`` -> distance of each to the nearest training image.
    """

    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    fidelity: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    gates: dict[str, list[Gate]] = field(default_factory=dict)
    useful: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    closest: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)
    distances: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def passes(self, row: str) -> bool:
        """Whether a row passes all gates."""
        return all(gate.passed for gate in self.gates[row])


def judge_samples(
    samples: Images,
    *,
    training: Images,
    held_out: Images,
    judged_on: Images,
    vocabulary: Vocabulary,
    measurer: Instrument | None = None,
    negative: Mapping[str, str] | None = None,
    steps: int = 600,
    draws: int = 1000,
    seed: int = 0,
) -> Judged:
    """Judge samples, and straw men beside them.

    Args:
        samples: What the generator made, with the conditions that it was asked for.
        training: Its training images.
        held_out: Real images that neither the generator nor the judge was trained on.
        judged_on: Other real images that the generator was not trained on: the judge is trained on them.
        vocabulary: The conditions that the generator knows.
        measurer: A second instrument, such as a fit of the parameters of phantoms.
        negative: A condition and its category without a finding, such as ``{"pathology": "normal"}``.
        steps: Steps of a judge's training.
        draws: Bootstrap samples of an interval.
        seed: Seed of everything random.
    """
    judge = train_judge(judged_on.pixels, judged_on.cases, vocabulary, steps=steps, seed=seed)
    instruments: dict[str, Instrument] = {JUDGE: judge} | ({} if measurer is None else {MEASURED: measurer})
    straw = straw_men(training.pixels, training.cases, samples.cases, vocabulary, seed)
    rows = {SAMPLES: samples} | {name: Images(pixels, samples.cases) for name, pixels in straw.items()}
    found = Judged()
    measure = {name: _fidelity(held_out, tool, vocabulary) for name, tool in instruments.items()}
    found.fidelity[REAL] = measure
    untrained = JudgeNetwork(vocabulary.counts, judged_on.pixels.shape[-1], seed + 1)
    judges = judge, Judge(vocabulary, untrained, judged_on.pixels)
    compared, others = held_out.first(len(samples)), held_out.after(len(samples)).first(len(samples))
    if len(others) < len(samples):  # else the fairest row
        compared, others = held_out, judged_on
    found.scores[REAL] = _scores(others, training, compared, compared, judges, draws=draws, seed=seed)
    strangers = held_out.after(len(samples))  # samples resemble the images whose conditions they were given
    strangers = strangers if len(strangers) >= len(samples) else held_out
    for name, images in tqdm(rows.items(), desc="Judging", unit="row"):
        found.fidelity[name] = {tool: _fidelity(images, call, vocabulary) for tool, call in instruments.items()}
        found.scores[name] = _scores(images, training, held_out, strangers, judges, draws=draws, seed=seed)
    for name, images in {REAL: held_out, **rows}.items():
        found.scores[name] |= specificity(images.cases, judge(images.pixels), vocabulary, negative or {})
    best = MEASURED if MEASURED in instruments else JUDGE
    for name in rows:
        found.gates[name] = gates(
            found.fidelity[name][best], measure[best], found.scores[name], found.scores[CLASS_MEAN]
        )
    found.useful = {REAL: measure[JUDGE], SAMPLES: _usefulness(samples, held_out, vocabulary, steps=steps, seed=seed)}
    _look_for_copies(found, samples, training, held_out, judge)
    return found


def write_judged(judged: Judged, folder: str | Path, note: str = "") -> list[Path]:
    """Write ``scores.csv`` (one line per row) and ``fidelity.csv`` (one line per row, instrument and condition).

    Args:
        judged: What was found.
        folder: Output folder.
        note: Caveat, written into each line.
    """
    scores = [
        {"row": row, **values, "failed": _failed(judged.gates.get(row, ())), "note": note}
        for row, values in judged.scores.items()
    ]
    fidelity = [
        {"row": row, "instrument": tool, **values, "note": note}
        for row, tools in judged.fidelity.items()
        for tool, lines in tools.items()
        for values in lines
    ]
    fidelity += [
        {"row": f"judge trained on {row}", "instrument": JUDGE, **values, "note": note}
        for row, lines in judged.useful.items()
        for values in lines
    ]
    paths = []
    for name, lines in (("scores", scores), ("fidelity", fidelity)):
        path = Path(folder) / f"{name}.csv"
        with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(lines[0]))
            table.writeheader()
            table.writerows(lines)
        paths.append(path)
    return paths


def _failed(found: Sequence[Gate]) -> str:
    return "; ".join(f"{gate.name}: {gate.reason}" for gate in found if not gate.passed)


def _fidelity(images: Images, instrument: Instrument, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    return condition_fidelity(images.cases, instrument(images.pixels), vocabulary)


def _scores(
    images: Images,
    training: Images,
    held_out: Images,
    strangers: Images,
    judges: tuple[Judge, Judge],
    *,
    draws: int,
    seed: int,
) -> dict[str, float]:
    """Distances, neighbor scores, copies and diversity, by the judge's features and those of a random network.

    ``strangers`` are the real images that training images are to be told from.
    """
    number = min(len(images), len(held_out))
    some, real = images.first(number), held_out.first(number)
    (own, others), (first, second) = (
        [judge.features(each.pixels).numpy() for each in (some, real)] for judge in judges
    )
    low, high = kernel_distance_interval(others, own, draws=draws, seed=seed)
    scores = {"images": float(number), "kid": kernel_distance(others, own), "kid_low": low, "kid_high": high}
    scores[f"frechet_{FEATURES}"] = frechet_distance(others, own) if number > FEATURES else float("nan")
    scores |= neighbor_scores(others, own)
    scores["coverage_random"] = neighbor_scores(second, first)["coverage"]
    flat, known, unseen = (_flat(each) for each in (images, training, held_out))
    scores["copies"] = share_of_copies(flat, known, unseen)
    area, low, high = membership_auc(flat, known[: len(strangers)], _flat(strangers), draws=draws, seed=seed)
    scores |= {"membership_auc": area, "membership_auc_low": low, "membership_auc_high": high}
    own, known, unseen = (judges[0].features(each.pixels).numpy() for each in (images, training, held_out))
    scores["copies_features"] = share_of_copies(own, known, unseen)
    scores["ms_ssim"] = mean_similarity(images.pixels, 2, seed)
    return scores


def _usefulness(
    samples: Images, held_out: Images, vocabulary: Vocabulary, *, steps: int, seed: int
) -> list[dict[str, Any]]:
    """Return the fidelity that a judge trained on samples measures in real images."""
    trained = train_judge(samples.pixels, samples.cases, vocabulary, steps=steps, seed=seed)
    return _fidelity(held_out, trained, vocabulary)


def _look_for_copies(found: Judged, samples: Images, training: Images, held_out: Images, judge: Judge) -> None:
    spaces: dict[str, Callable[[Images], np.ndarray]] = {
        PIXELS: _flat,
        FEATURE_SPACE: lambda images: judge.features(images.pixels).numpy(),
    }
    for space, place in spaces.items():
        own, known, unseen = (place(images) for images in (samples, training, held_out))
        found.closest[space] = closest_pairs(own, known, CLOSEST)
        found.distances[space] = {
            name: nearest(each, known)[0].tolist() for name, each in ((SAMPLES, own), (REAL, unseen))
        }


def _flat(images: Images) -> np.ndarray:
    return images.pixels.flatten(1).numpy()

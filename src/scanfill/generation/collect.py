"""Collect generated and real images, judge them, and write what was found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor

from scanfill.generation.judgement import SAMPLES, Images, Instrument, Judged, judge_samples, write_judged
from scanfill.generation.judgement_page import SHOWN, write_page
from scanfill.generation.real_images import RealParts
from scanfill.generation.straw_men import straw_men
from scanfill.generation.vocabulary import Vocabulary


class CollectSamples:
    """Handler of an evaluator: keep its predictions, ``(N, 1, ...)``, in -1 to 1.

    Args:
        gray_range: Gray values of -1 and 1, if the predictions were scaled to them.
        key: Key of the prediction.
    """

    def __init__(self, gray_range: Sequence[float] = (-1, 1), key: str = "pred") -> None:
        self.low, self.high = gray_range
        self.key = key
        self.parts: list[Tensor] = []

    def attach(self, engine: Engine) -> None:
        """Keep what each iteration gives."""
        engine.add_event_handler(Events.STARTED, lambda _: self.parts.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Keep the predictions of one iteration."""
        self.parts += [torch.Tensor(output[self.key].cpu()) for output in engine.state.output]

    def images(self, cases: Sequence[Mapping[str, Any]]) -> Images:
        """Return the images, whose requests are given in the same order."""
        pixels = torch.stack(self.parts)
        return Images(2 * (pixels - self.low) / (self.high - self.low) - 1, cases)


def read_images(
    cases: Sequence[Mapping[str, Any]], transform: Callable[[Any], Mapping[Any, Any]], key: str = "image"
) -> Images:
    """Read and prepare images as for the training.

    Args:
        cases: The cases.
        transform: Prepares one.
        key: Key of the prepared image.
    """
    return Images(torch.stack([torch.Tensor(transform(dict(case))[key]) for case in cases]), cases)


@dataclass
class Judgement:
    """Judge what an evaluator has generated; see :py:func:`~scanfill.generation.judgement.judge_samples`.

    Args:
        collected: Has the generated images.
        requests: What was asked for, in the same order.
        parts: The real images.
        transform: Prepares a real image as for the training.
        vocabulary: What the generator knows.
        measurer: A second instrument; None for real images.
        output_dir: Output folder.
        note: Caveat, such as that these are phantoms.
        steps: Steps of a judge's training.
        draws: Bootstrap samples of an interval.
        seed: Seed of everything random.
        negative: A condition and its category without a finding, such as ``{"pathology": "normal"}``.
        most: Training images that are used at most.
    """

    collected: CollectSamples
    requests: Sequence[Mapping[str, Any]]
    parts: RealParts
    transform: Callable[[Any], Mapping[Any, Any]]
    vocabulary: Vocabulary
    measurer: Instrument | None
    output_dir: str | Path
    note: str = ""
    steps: int = 600
    draws: int = 1000
    seed: int = 0
    negative: Mapping[str, str] | None = None
    most: int = 20_000

    def run(self) -> Judged:
        """Judge, and write ``judgement.html``, ``scores.csv`` and ``fidelity.csv``."""
        samples = self.collected.images(self.requests)
        training, held_out, judged_on = (
            read_images(cases, self.transform)
            for cases in (self.parts.training[: self.most], self.parts.held_out, self.parts.judged_on)
        )
        judged = judge_samples(
            samples,
            training=training,
            held_out=held_out,
            judged_on=judged_on,
            vocabulary=self.vocabulary,
            measurer=self.measurer,
            negative=self.negative,
            steps=self.steps,
            draws=self.draws,
            seed=self.seed,
        )
        folder = Path(self.output_dir)
        written = write_judged(judged, folder, self.note)
        straw = straw_men(training.pixels, training.cases, samples.cases[:SHOWN], self.vocabulary, self.seed)
        sheets = {SAMPLES: samples.pixels, "real images, same conditions": held_out.pixels, **straw}
        page = write_page(
            judged, folder / "judgement.html", samples=samples, training=training, sheets=sheets, note=self.note
        )
        print("Judged:", *written, page, sep="\n  ")  # noqa: T201 - the result that a person looks for
        return judged

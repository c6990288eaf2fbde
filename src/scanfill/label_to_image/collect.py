"""Keep what an evaluation has drawn, beside the real slices."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor

from scanfill.label_to_image.slices import Slice


class CollectSlices:
    """A handler of an evaluator that keeps each real slice, and what was drawn from its label map.

    The batches have ``case_id``, ``patient`` and ``slice``; those of one slice are its looks.

    Args:
        image_key: Key of the real image ``(1, X, Y)``.
        label_key: Key of the label map ``(1, X, Y)``.
        inside_key: Key of the outline of the body; None, or a key that a batch does not have: not known.
        gray_range: Gray values of the images that are -1 and 1 here.
        key: Key of what was drawn.
        tissue_key: Key of the map of tissues ``(classes, X, Y)``; None, or a key that a batch does not have: not known.
    """

    def __init__(
        self,
        image_key: str = "target",
        label_key: str = "label",
        inside_key: str | None = None,
        gray_range: Sequence[float] = (-1, 1),
        *,
        key: str = "pred",
        tissue_key: str | None = None,
    ) -> None:
        self.tissue_key = tissue_key
        self.image_key, self.label_key, self.inside_key, self.key = image_key, label_key, inside_key, key
        self.low, self.high = gray_range
        self._slices: dict[tuple[str, int], Slice] = {}

    @property
    def slices(self) -> list[Slice]:
        """The slices, in the order in which they were drawn first."""
        return list(self._slices.values())

    def attach(self, engine: Engine) -> None:
        """Keep what each iteration gives."""
        engine.add_event_handler(Events.STARTED, lambda _: self._slices.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Keep the slices of one batch."""
        batch, output = engine.state.batch, engine.state.output
        for index, case in enumerate(batch["case_id"]):
            drawn = output[index][self.key] if isinstance(output, list) else output[self.key][index]
            about = {key: values[index] for key, values in batch.items()}
            number = int(about["slice"])
            one = self._slices.setdefault((str(case), number), self.slice_of(about))
            one.looks.append(self._scaled(drawn))

    def slice_of(self, case: Mapping[str, Any]) -> Slice:
        """Return a slice as the judgement sees it.

        Args:
            case: With ``case_id``, ``patient``, ``slice`` and the images.
        """
        inside, tissue = (_mask(case.get(key) if key else None) for key in (self.inside_key, self.tissue_key))
        return Slice(
            str(case["case_id"]),
            str(case["patient"]),
            int(case["slice"]),
            self._scaled(case[self.image_key]),
            torch.Tensor(case[self.label_key].detach().cpu().float().round()),
            inside,
            tissue=tissue,
        )

    def _scaled(self, image: Tensor) -> Tensor:
        """Return an image whose gray values are from -1 to 1."""
        values = torch.Tensor(image.detach().cpu().float())
        return (2 * (values - self.low) / (self.high - self.low) - 1).clamp(-1, 1)


def _mask(image: Tensor | None) -> Tensor | None:
    return None if image is None else torch.Tensor(image.detach().cpu().float()) > 0

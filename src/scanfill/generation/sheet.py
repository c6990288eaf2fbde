"""One picture of all samples of a run, side by side, marked as synthetic."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from matplotlib.figure import Figure

from scanfill.data.provenance import DESCRIPTION
from scanfill.files import writing
from scanfill.generation.collect import CollectSamples
from scanfill.replacing import SOFTWARE

COLUMNS, MOST = 8, 64
"""Samples in a row, and samples that are shown at most."""


class SaveSheet(CollectSamples):
    """Handler of an evaluator: write ``sheet_synthetic_images.png`` after a run.

    Args:
        requests: What was asked for, in the order of the samples; those that failed are left out of both.
        path: Output folder.
        gray_range: Darkest and brightest gray value.
        columns: Samples in a row; a sweep has one row per seed.
    """

    def __init__(
        self,
        requests: Sequence[Mapping[str, Any]],
        path: str | Path,
        gray_range: Sequence[float] = (-1, 1),
        columns: int | None = None,
    ) -> None:
        super().__init__(gray_range)
        self.requests = [request for request in requests if not request.get("problem")]
        self.path = Path(path) / "sheet_synthetic_images.png"
        self.columns = columns or COLUMNS

    def attach(self, engine: Engine) -> None:
        """Keep what each iteration gives, and write at the end."""
        super().attach(engine)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def write(self) -> None:
        """Draw the samples; nothing if there are none."""
        if not self.parts:
            return
        shown = self.images(self.requests).pixels[:MOST]
        rows = -(-len(shown) // self.columns)
        figure = Figure(figsize=(1.4 * self.columns, 1.6 * rows), dpi=110, facecolor="white", layout="tight")
        axes = list(figure.subplots(rows, self.columns, squeeze=False).flat)
        for axis in axes:
            axis.set_axis_off()
        for axis, image, request in zip(axes, shown, self.requests, strict=False):
            axis.imshow(image[0].numpy().T, cmap="gray", vmin=-1, vmax=1)
            axis.set_title(str(request["case_id"]), fontsize=6)
        about = {"Software": SOFTWARE, "Description": f"{DESCRIPTION} images, research use only"}
        with writing(self.path) as temporary:
            figure.savefig(temporary, format="png", metadata=about)

"""A picture of each image that a completion made, beside what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai.transforms import Transform

from scanfill.missing.completed import DOUBT, MADE, lacking
from scanfill.report.synthesis import draw_synthesis

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence


class SaveCompletionPreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_<modality>_preview.png`` for each image made, and pass the case on untouched.

    See :py:func:`~scanfill.report.synthesis.draw_synthesis`; the truth is drawn where the case holds it.

    Args:
        modalities: In the order of the network's channels.
        output_dir: Where the pictures go.
        most: Largest number of missing modalities of which pictures are drawn: 28 of each case, judged on all subsets,
            nobody looks at.
        prefix: A case holds each acquired image, as in its file, under this and its modality.
        label_key: Key of the label map on that grid, which a case may lack.
        case_key: Key of the case's name.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        output_dir: str | Path,
        *,
        most: int | None = None,
        prefix: str = "acquired_",
        label_key: str = "label",
        case_key: str = "case_id",
    ) -> None:
        self.modalities, self.output_dir, self.most = list(modalities), Path(output_dir), most
        self.prefix, self.label_key, self.case_key = prefix, label_key, case_key

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        case, missing = str(data[self.case_key]), lacking(data, self.modalities)
        if self.most is not None and len(missing) > self.most:
            return data
        given = [name for name in self.modalities if name not in missing]
        for name in missing:
            if MADE + name in data:
                draw_synthesis(
                    {source: data[f"{self.prefix}{source}"] for source in given},
                    data[MADE + name],
                    self.output_dir / case / f"{case}_{name}_preview.png",
                    target=name,
                    truth=data.get(f"{self.prefix}{name}"),
                    label=data.get(self.label_key),
                    uncertainty=data[DOUBT + name],
                    title=case,
                )
        return data

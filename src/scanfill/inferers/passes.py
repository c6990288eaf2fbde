"""What one pass is given and what it may give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monai.data import MetaTensor
from monai.utils import convert_to_dst_type
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scanfill.inferers.orientations import Box, Orientation

SCORES = 2
"""Axes of class scores ``(B, C)``."""


@dataclass(frozen=True)
class Pass:
    """One way to predict an image, with what else the network is given.

    Attributes:
        predict: Takes an image ``(B, C, ...)`` and the further arguments.
        args: Further arguments; tensors among them that lie on the image's grid are turned with it.
        kwargs: Likewise, by name.
    """

    predict: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def turned(self, image: Tensor, turn: Orientation, box: Box | None = None) -> Tensor:
        """Predict an image, or a box of it, turned; the output is not turned back.

        Raises:
            TypeError: The output is not one tensor; a further argument cannot be brought in step with the image.
        """

        def change(value: Tensor) -> Tensor:
            return turn.apply(value if box is None else value[(slice(None), slice(None), *box)])

        args = [self._in_step(value, change, image) for value in self.args]
        kwargs = {name: self._in_step(value, change, image) for name, value in self.kwargs.items()}
        return checked(self.predict(change(image), *args, **kwargs), image.dim())

    @staticmethod
    def _in_step(value: Any, change: Callable[[Tensor], Tensor], image: Tensor) -> Any:
        """Change a further argument as the image is, if it lies on its grid."""
        if not isinstance(value, Tensor) or value.dim() <= SCORES:
            return value
        if value.shape[2:] != image.shape[2:]:
            msg = (
                f"A further argument of shape {tuple(value.shape)} is not on the grid of the image {tuple(image.shape)}"
                ", so it cannot be turned with it. Resample it, or predict without test-time augmentation."
            )
            raise TypeError(msg)
        return change(plain(value))


def plain(image: Tensor) -> Tensor:
    """Take metadata off: each slice of a MetaTensor would carry them along."""
    stripped: Tensor = image.as_tensor() if isinstance(image, MetaTensor) else image
    return stripped


def checked(output: Any, dims: int) -> Tensor:
    """Take one tensor, ``(B, C, ...)`` with ``dims`` axes as the image has, or class scores ``(B, C)``.

    Raises:
        TypeError: Something else, such as the list of a network with deep supervision.
    """
    if isinstance(output, Tensor) and output.dim() in (SCORES, dims):
        return plain(output)
    shape = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
    msg = (
        f"Test-time augmentation averages one tensor a pass, (B, C, ...) with the {dims - 2} spatial axes of the "
        f"image or (B, C), got {shape}. Wrap the network so that it returns its main output alone."
    )
    raise TypeError(msg)


def like(result: Tensor, inputs: Tensor) -> Tensor:
    """Give a result the metadata of the image it is of, as MONAI's sliding window does, if it is on its grid."""
    if not isinstance(inputs, MetaTensor) or result.shape[2:] != inputs.shape[2:]:
        return result
    about = MetaTensor([]).copy_meta_from(inputs, copy_attr=False)
    described: Tensor = convert_to_dst_type(result, about, device=result.device)[0]
    return described

"""One pass of test-time augmentation: what the network is given, and what it may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monai.data import MetaTensor
from monai.utils import convert_to_dst_type
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scanfill.inferers.orientations import Orientation

SCORES = 2
"""Axes of class scores ``(B, C)``."""


def predict_turned(
    predict: Callable[..., Any], image: Tensor, turn: Orientation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Tensor:
    """Predict a turned image; the output is not turned back.

    Args:
        predict: Takes an image ``(B, C, ...)`` and the further arguments.
        image: Not turned.
        turn: How to turn it.
        args: Further arguments; tensors among them that lie on the image's grid are turned with it.
        kwargs: Likewise, by name.

    Raises:
        TypeError: The output is not one tensor; a further argument is on another grid than the image.
    """

    def turned(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dim() <= SCORES:
            return value
        if value.shape[2:] != image.shape[2:]:
            msg = (
                f"A further argument of shape {tuple(value.shape)} is not on the grid of the image {tuple(image.shape)}"
                ", so it cannot be turned with it. Resample it, or predict without test-time augmentation."
            )
            raise TypeError(msg)
        return turn.apply(plain(value))

    output = predict(turn.apply(image), *map(turned, args), **{name: turned(value) for name, value in kwargs.items()})
    return checked(output, image.dim())


def plain(image: Tensor) -> Tensor:
    """Strip metadata, which every slice of a MetaTensor would carry along."""
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

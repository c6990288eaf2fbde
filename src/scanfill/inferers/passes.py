"""One pass of test-time augmentation: prepare the network's inputs and check its output."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monai.data import MetaTensor
from monai.utils import convert_to_dst_type
from torch import Tensor

from scanfill.inferers.orientations import Orientation

SCORES = 2
"""Axes of class scores ``(B, C)``."""


def predict_turned(
    predict: Callable[..., Any], image: Tensor, turn: Orientation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Tensor:
    """Predict a reoriented image, without undoing the orientation of the output.

    Args:
        predict: Takes an image ``(B, C, ...)`` and the other arguments.
        image: Image in its original orientation.
        turn: Orientation to apply.
        args: Other arguments; tensors on the image's grid are reoriented with it.
        kwargs: Other arguments by name, treated the same way.

    Raises:
        TypeError: The output is not a single tensor, or another argument is not on the image's grid.
    """

    def turned(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dim() <= SCORES:
            return value
        if value.shape[2:] != image.shape[2:]:
            msg = (
                f"An argument of shape {tuple(value.shape)} is not on the grid of the image {tuple(image.shape)}"
                ", so it cannot be reoriented with it. Resample it, or predict without test-time augmentation."
            )
            raise TypeError(msg)
        return turn.apply(plain(value))

    output = predict(turn.apply(image), *map(turned, args), **{name: turned(value) for name, value in kwargs.items()})
    return checked(output, image.dim())


def plain(image: Tensor) -> Tensor:
    """Remove metadata, which every slice of a MetaTensor would copy."""
    stripped: Tensor = image.as_tensor() if isinstance(image, MetaTensor) else image
    return stripped


def checked(output: Any, dims: int) -> Tensor:
    """Check that the output is one tensor ``(B, C, ...)`` with ``dims`` axes, like the image, or scores ``(B, C)``.

    Raises:
        TypeError: The output is something else, such as the list of a network with deep supervision.
    """
    if isinstance(output, Tensor) and output.dim() in (SCORES, dims):
        return plain(output)
    shape = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
    msg = (
        f"Test-time augmentation needs one tensor per pass, (B, C, ...) with the {dims - 2} spatial axes of the "
        f"image or (B, C), got {shape}. Wrap the network so that it returns only its main output."
    )
    raise TypeError(msg)


def like(result: Tensor, inputs: Tensor) -> Tensor:
    """Copy the metadata of the image to a result on its grid, as MONAI's sliding window does."""
    if not isinstance(inputs, MetaTensor) or result.shape[2:] != inputs.shape[2:]:
        return result
    about = MetaTensor([]).copy_meta_from(inputs, copy_attr=False)
    described: Tensor = convert_to_dst_type(result, about, device=result.device)[0]
    return described

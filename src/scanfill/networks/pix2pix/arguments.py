"""Checks and layers shared by both generators."""

from torch import Tensor, nn


def check_arguments(spatial_dims: int, dropout: float, **counts: int) -> None:
    """Check the arguments of a generator.

    Args:
        spatial_dims: Must be 2 or 3.
        dropout: Must be at least 0 and below 1.
        counts: Numbers that must be at least 1, by argument name.

    Raises:
        ValueError: An argument is out of range.
    """
    if spatial_dims not in {2, 3}:
        msg = f"`spatial_dims` (={spatial_dims}) must be 2 or 3."
        raise ValueError(msg)
    for name, value in counts.items():
        if value < 1:
            msg = f"`{name}` (={value}) must be at least 1."
            raise ValueError(msg)
    if not 0 <= dropout < 1:
        msg = f"`dropout` (={dropout}) must be at least 0 and below 1."
        raise ValueError(msg)


def final_activation(name: str) -> nn.Module:
    """Create the last layer: ``tanh`` for images in [-1, 1], ``none`` for any range.

    Raises:
        ValueError: If ``name`` is neither.
    """
    if name == "tanh":
        return nn.Tanh()
    if name == "none":
        return nn.Identity()
    msg = f"`final` (={name!r}) must be 'tanh' or 'none'."
    raise ValueError(msg)


def check_input(x: Tensor, channels: int, spatial_dims: int, depth: int, smallest: int = 1) -> None:
    """Check an image's dimensions and channels, and that its size can be halved ``depth`` times.

    Callable from TorchScript.

    Args:
        x: ``(B, C, ...)``.
        channels: Expected number of channels.
        spatial_dims: Expected number of spatial dimensions.
        depth: Number of halvings.
        smallest: Smallest allowed size of a side after them.

    Raises:
        ValueError: The shape is invalid.
    """
    if x.dim() != spatial_dims + 2 or x.shape[1] != channels:
        msg = f"Expected a batch of {spatial_dims}-D images with {channels} channels, got shape {list(x.shape)}."
        raise ValueError(msg)
    multiple = 2**depth
    for size in x.shape[2:]:
        if size % multiple != 0 or size < smallest * multiple:
            msg = (
                f"An image of shape {list(x.shape)} cannot be halved {depth} times. Pad each side to a multiple of "
                f"{multiple}, at least {smallest * multiple} (DivisiblePadd, or a sliding window of such a size), or "
                "lower `depth`."
            )
            raise ValueError(msg)

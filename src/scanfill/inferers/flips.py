"""Average the predictions of an image and of its mirror images: test-time augmentation by a fixed set.

MONAI's ``TestTimeAugmentation`` draws at random and keeps all predictions; here the set is fixed, each member has an
exact inverse, and a running mean keeps the memory the same for any number of passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from monai.inferers import Inferer
from monai.utils import ensure_tuple
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.inferers.dense import DenseInferer
from scanfill.inferers.orientations import Orientation, check_axes, orientations
from scanfill.inferers.outputs import Classes, averaged
from scanfill.inferers.passes import SCORES, like, plain, predict_turned
from scanfill.inferers.plane import check_isotropic, check_plane
from scanfill.inferers.running import RunningMoments, slabs
from scanfill.transforms.laterality import check_lateral_pairs, swapped_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNCERTAINTIES = (None, "sd", "entropy")


class Averaged(NamedTuple):
    """Prediction and its uncertainty."""

    prediction: Tensor
    uncertainty: Tensor


class FlipInferer(Inferer):  # type: ignore[misc]
    """Predict an image in every orientation of a fixed set with another inferer, turn back, and average.

    The set is everything that flips of ``axes`` and 90-degree rotations in ``rotation_plane`` lead to: 8 passes for
    three axes, 4 for two. Flip only the axes that training flipped: a network that has always seen the left on the
    left is not helped.

    The output replaces that of the wrapped inferer: **logits**. With ``merge="probabilities"`` they are those of the
    averaged probabilities, so softmax (or sigmoid) gives that average back; with ``merge="logits"`` they are the
    average itself, also for images and other outputs that are not classes. Gradients are not kept.

    Supported: a network, or wrapped inferer, with one image in and one tensor out, ``(B, C, ...)`` with the image's
    spatial axes, or class scores ``(B, C)``. A further argument that is a tensor on the image's grid (such as MONAI's
    ``condition``) is turned with it; tensors without spatial axes and everything else are handed on as they are.

    Args:
        inferer: Predicts one orientation; any MONAI inferer.
        axes: Spatial axes to flip, from 0: two at most for 2-D images. Images in RAS order have 0 from left to right,
            pictures have it from one side to the other.
        rotation_plane: Two axes in which to rotate by 90 degrees as well. Only where voxels are isotropic in that plane
            and the modality is not CT; needs ``modality``.
        modality: What the image is, such as ``"MRI"``; only asked for rotations.
        spacing: Voxel size along the spatial axes in mm, for rotations of images without metadata.
        paired_channels: Channels of the output that are the left and the right of something, such as ``[[1, 2]]``: they
            change places when ``lateral_axis`` is flipped.
        lateral_axis: The axis from left to right.
        merge: ``probabilities`` or ``logits``.
        activation: What makes the probabilities: ``softmax`` or ``sigmoid``.
        uncertainty: None; ``sd``, over the passes, of what is averaged, channel by channel; or ``entropy`` of the
            averaged probabilities, 0 to 1. With one the result is an :class:`Averaged` pair.
        inside: Turn each window of a sliding window instead of the whole image: windows then lie alike in all passes,
            and their blend is of averages.

    Raises:
        UsageError: An argument has another value; pairs are not a permutation; at the call, an axis or a channel
            does not exist, or the plane is not isotropic.
        TypeError: At the call: the network takes or returns something other than stated above.
    """

    def __init__(
        self,
        inferer: Inferer,
        axes: Sequence[int] = (0, 1, 2),
        *,
        rotation_plane: Sequence[int] | None = None,
        modality: str | None = None,
        spacing: Sequence[float] | None = None,
        paired_channels: Sequence[Sequence[int]] = (),
        lateral_axis: int = 0,
        merge: str = "probabilities",
        activation: str = "softmax",
        uncertainty: str | None = None,
        inside: bool = False,
    ) -> None:
        super().__init__()
        check_lateral_pairs(paired_channels, "paired_channels")
        if uncertainty not in UNCERTAINTIES:
            msg = f"`uncertainty` (={uncertainty!r}) must be one of {UNCERTAINTIES}."
            raise UsageError(msg)
        if inside and isinstance(inferer, DenseInferer):
            msg = "inside=True turns sliding windows; DenseInferer has none, and is right as it is: use inside=False."
            raise UsageError(msg)
        self.rotation_plane = None if rotation_plane is None else ensure_tuple(rotation_plane)
        if self.rotation_plane is not None:
            check_plane(self.rotation_plane, modality, lateral_axis if paired_channels else None)
        self.inferer = inferer
        self.axes = ensure_tuple(axes)
        self.spacing = spacing
        self.paired_channels = paired_channels
        self.lateral_axis = lateral_axis
        self.classes = Classes(activation)
        self.activate = averaged(merge, self.classes)
        self.merges_probabilities = merge == "probabilities"
        self.uncertainty = uncertainty
        self.inside = inside

    @torch.no_grad()
    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Predict ``inputs`` of shape ``(B, C, ...)``, with 2 or 3 spatial axes.

        Returns:
            What the wrapped inferer would give, averaged; the metadata are those of ``inputs``. With ``uncertainty`` an
            :class:`Averaged` pair.
        """
        turns = self._orientations(inputs)
        image = plain(inputs)
        if self.inside:

            def averaging(window: Tensor, *more: Any, **further: Any) -> Any:
                return self._average(network, window, turns, more, further)

            result = self.inferer(image, averaging, *args, **kwargs)
        else:

            def whole(turned: Tensor, *more: Any, **further: Any) -> Any:
                return self.inferer(turned, network, *more, **further)

            result = self._average(whole, image, turns, args, kwargs)
        return Averaged(*(like(part, inputs) for part in result)) if isinstance(result, tuple) else like(result, inputs)

    def _orientations(self, inputs: Tensor) -> list[Orientation]:
        """List the passes for an image, and check that it allows them."""
        dims = inputs.dim() - 2
        found = orientations(dims, self.axes, self.rotation_plane)
        if self.rotation_plane is not None:
            check_isotropic(self.rotation_plane, inputs, self.spacing)
        if self.paired_channels:
            check_axes("lateral_axis", [self.lateral_axis], dims)
        return found

    def _average(
        self,
        predict: Callable[..., Any],
        image: Tensor,
        turns: Sequence[Orientation],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Tensor | Averaged:
        """Predict an image ``(B, C, ...)`` in all orientations and average."""
        moments: RunningMoments | None = None
        for turn in turns:
            output = predict_turned(predict, image, turn, args, kwargs)
            if scores := output.dim() == SCORES:
                output = output[(..., *[None] * (image.dim() - SCORES))]  # one voxel, the same in every orientation
            if moments is None:
                moments = RunningMoments.empty(output.shape, output.device, spread=self.uncertainty == "sd")
            swapped = swapped_channels(self.paired_channels, output.shape[1], "paired_channels")
            mirrored = bool(self.paired_channels) and turn.mirrors(self.lateral_axis)
            moments.add(output, turn, self.activate, swapped if mirrored else None)
            del output  # before the next pass makes another one
        assert moments is not None  # the identity is always there
        result = self._finish(moments)
        if not scores:
            return result
        return Averaged(*(part.flatten(1) for part in result)) if isinstance(result, tuple) else result.flatten(1)

    def _finish(self, moments: RunningMoments) -> Tensor | Averaged:
        """Turn the moments into the result, in their own memory."""
        spread: Tensor | None = None
        if self.uncertainty == "sd":
            spread = moments.deviation()
        elif self.uncertainty == "entropy":
            spread = torch.cat([self._entropy(moments.mean[:, :, slab]) for slab in slabs(moments.mean.shape)], dim=2)
        mean = self.classes.logits_(moments.mean) if self.merges_probabilities else moments.mean
        return mean if spread is None else Averaged(mean, spread)

    def _entropy(self, mean: Tensor) -> Tensor:
        """Compute the entropy of what was averaged."""
        return self.classes.entropy(mean if self.merges_probabilities else self.classes.probabilities(mean))

"""Average the predictions for an image and its mirror images: test-time augmentation with a fixed set.

MONAI's ``TestTimeAugmentation`` draws at random and keeps all predictions. Here the set is fixed, each transform has an
exact inverse, and a running mean makes the memory use independent of the number of passes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

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

UNCERTAINTIES = (None, "sd", "entropy")


class Averaged(NamedTuple):
    """Prediction and its uncertainty."""

    prediction: Tensor
    uncertainty: Tensor


class FlipInferer(Inferer):  # type: ignore[misc]
    """Predict an image in a fixed set of orientations with another inferer, undo each orientation, and average.

    The set contains all combinations of flips of ``axes`` and 90-degree rotations in ``rotation_plane``: 8 passes for
    three axes, 4 for two. Flip only axes that were flipped in training; other flips do not help a network that has
    never seen them.

    The output is a drop-in replacement for that of the wrapped inferer: **logits**. With ``merge="probabilities"`` they
    are the logits of the averaged probabilities, so softmax (or sigmoid) returns that average; with ``merge="logits"``
    the outputs themselves are averaged, also images and other outputs that are not classes. Gradients are not kept.

    Supported: a network, or wrapped inferer, with one image in and one tensor out, ``(B, C, ...)`` with the image's
    spatial axes, or class scores ``(B, C)``. A further argument that is a tensor on the image's grid (such as MONAI's
    ``condition``) is transformed with it; tensors without spatial axes and all other arguments are passed on unchanged.

    Args:
        inferer: Any MONAI inferer; predicts one orientation.
        axes: Spatial axes to flip, counted from 0; at most two for 2-D images. Axis 0 is left-right for images in RAS
            order, and horizontal for 2-D pictures.
        rotation_plane: Two axes that define a plane for additional 90-degree rotations. Allowed only if voxels are
            isotropic in that plane and the modality is not CT; needs ``modality``.
        modality: Modality of the image, such as ``"MRI"``; needed only for rotations.
        spacing: Voxel size along the spatial axes in mm, for rotations of images without metadata.
        paired_channels: Pairs of output channels for left and right structures, such as ``[[1, 2]]``; they are
            exchanged when ``lateral_axis`` is flipped.
        lateral_axis: The left-right axis.
        merge: ``probabilities`` or ``logits``.
        activation: Activation for probabilities: ``softmax`` or ``sigmoid``.
        uncertainty: None; ``sd`` for the standard deviation of the averaged values over the passes, per channel; or
            ``entropy`` of the averaged probabilities, 0 to 1. If set, the result is an :class:`Averaged` pair.
        inside: Transform each window of a sliding window instead of the whole image: window positions are then the same
            in all passes, and averages are blended.

    Raises:
        UsageError: An argument has an invalid value; pairs are not a permutation; when called, if an axis or a channel
            does not exist, or the plane is not isotropic.
        TypeError: When called, if the network takes or returns something other than stated above.
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
            msg = "inside=True needs sliding windows, which DenseInferer does not have. Use inside=False."
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
            The averaged output of the wrapped inferer, with the metadata of ``inputs``. With ``uncertainty`` an
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
        """List the orientations for an image, and check that they are valid for it."""
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
                output = output[(..., *[None] * (image.dim() - SCORES))]  # as one voxel, identical in every orientation
            if moments is None:
                moments = RunningMoments.empty(output.shape, output.device, spread=self.uncertainty == "sd")
            swapped = swapped_channels(self.paired_channels, output.shape[1], "paired_channels")
            mirrored = bool(self.paired_channels) and turn.mirrors(self.lateral_axis)
            moments.add(output, turn, self.activate, swapped if mirrored else None)
            del output  # free it before the next pass
        assert moments is not None  # the identity is always included
        result = self._finish(moments)
        if not scores:
            return result
        return Averaged(*(part.flatten(1) for part in result)) if isinstance(result, tuple) else result.flatten(1)

    def _finish(self, moments: RunningMoments) -> Tensor | Averaged:
        """Compute the result from the moments, in place."""
        spread: Tensor | None = None
        if self.uncertainty == "sd":
            spread = moments.deviation()
        elif self.uncertainty == "entropy":
            spread = torch.cat([self._entropy(moments.mean[:, :, slab]) for slab in slabs(moments.mean.shape)], dim=2)
        mean = self.classes.logits_(moments.mean) if self.merges_probabilities else moments.mean
        return mean if spread is None else Averaged(mean, spread)

    def _entropy(self, mean: Tensor) -> Tensor:
        """Compute the entropy of the averaged probabilities."""
        return self.classes.entropy(mean if self.merges_probabilities else self.classes.probabilities(mean))

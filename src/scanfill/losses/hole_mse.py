"""The error of a prediction in a hole."""

from torch import Tensor, nn


class HoleMSE(nn.Module):
    """Mean squared error in the hole of each image, averaged over the images (LeFusion, arXiv 2403.14066, equation 5).

    Every image counts the same, however large its hole.
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar.

        Args:
            prediction: ``(B, C, ...)``.
            target: ``(B, C + 1, ...)``: the target, and last the hole, above 0 inside; an image without one counts 0.

        Raises:
            ValueError: The shapes do not match.
        """
        if prediction.shape[1] + 1 != target.shape[1] or prediction.shape[2:] != target.shape[2:]:
            msg = (
                f"The target {tuple(target.shape)} must have one channel more than {tuple(prediction.shape)}, the hole."
            )
            raise ValueError(msg)
        hole = (target[:, -1:] > 0).float()
        squares = ((prediction.float() - target[:, :-1].float()) ** 2 * hole).flatten(1).sum(1)
        voxels = hole.flatten(1).sum(1).clamp(min=1) * prediction.shape[1]
        return (squares / voxels).mean()

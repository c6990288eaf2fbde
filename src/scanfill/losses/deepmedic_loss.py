"""DeepMedic's training loss: cross-entropy plus a penalty on the convolution kernels."""

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd  # common base of Conv1d to ConvTranspose3d


class DeepMedicLoss(nn.Module):
    """Cross-entropy with ``log(p + 1e-6)``, plus L1 and L2 penalties on the kernels of a network.

    The constant bounds the loss of a voxel at 13.8, so that a single wrong label does not dominate. The penalties are
    plain sums over all convolution kernels (not biases, not batch norm, not PReLU). Source: ``cost_functions.x_entr``
    and the default training configuration of DeepMedic v0.8.4. For its alternatives use MONAI: ``DiceLoss(softmax=True,
    to_onehot_y=True, batch=True)`` equals its ``dsc``, and with ``jaccard=True`` its ``iou``.

    The loss reads the network's kernels at each call but does not own them: its state dictionary is empty, and moving
    it to a device has no effect.

    Args:
        network: Network with the kernels to penalize, with or without a wrapper for distributed training.
        l1: Weight of the sum of absolute kernel values.
        l2: Weight of the sum of squared kernel values.
        epsilon: Constant added to each probability.

    Raises:
        ValueError: If a weight or ``epsilon`` is negative.
    """

    def __init__(self, network: nn.Module, l1: float = 1e-6, l2: float = 1e-4, epsilon: float = 1e-6) -> None:
        super().__init__()
        if min(l1, l2, epsilon) < 0:
            msg = f"`l1` (={l1}), `l2` (={l2}) and `epsilon` (={epsilon}) must not be negative."
            raise ValueError(msg)
        self.l1 = l1
        self.l2 = l2
        self.epsilon = epsilon
        self._networks = (network,)  # in a tuple, so that it is not registered as a submodule

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the loss, a scalar in float32 also under autocast.

        Args:
            logits: ``(B, classes, D, H, W)``.
            label: Class indices ``(B, 1, D, H, W)`` or ``(B, D, H, W)``, of any numeric type.

        Raises:
            ValueError: If the shapes do not match.
        """
        return self.cross_entropy(logits, label) + self.penalty()

    def cross_entropy(self, logits: Tensor, label: Tensor) -> Tensor:
        """Average ``-log(p + epsilon)`` over all voxels, where ``p`` is the probability of the true class."""
        if label.dim() == logits.dim() - 1:
            label = label.unsqueeze(1)
        if label.shape != (logits.shape[0], 1, *logits.shape[2:]):
            msg = (
                f"The label has shape {tuple(label.shape)}, the logits {tuple(logits.shape)}: expected class indices "
                f"of shape {(logits.shape[0], 1, *logits.shape[2:])}. Crop the label to the region that the network "
                "predicts."
            )
            raise ValueError(msg)
        probabilities = torch.softmax(logits.float(), 1)
        return -torch.log(probabilities.gather(1, label.long()) + self.epsilon).mean()

    def penalty(self) -> Tensor:
        """Return ``l1 * sum |w| + l2 * sum w^2`` over the kernels of all convolutions."""
        kernels = [module.weight.float() for module in self._networks[0].modules() if isinstance(module, _ConvNd)]
        if not kernels:
            return torch.zeros(())
        absolute = torch.stack([kernel.abs().sum() for kernel in kernels]).sum()
        squared = torch.stack([kernel.square().sum() for kernel in kernels]).sum()
        return self.l1 * absolute + self.l2 * squared

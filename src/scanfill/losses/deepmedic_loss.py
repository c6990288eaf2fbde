"""DeepMedic's training loss: cross-entropy plus a penalty on the convolution kernels."""

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd  # what Conv1d to ConvTranspose3d have in common


class DeepMedicLoss(nn.Module):
    """Cross-entropy with ``log(p + 1e-6)``, plus L1 and L2 penalties on the kernels of a network.

    The constant bounds the loss of a voxel at 13.8, so that single wrong labels do not dominate. The penalties are
    plain sums over all convolution kernels (not biases, not batch norm, not PReLU). Source: ``cost_functions.x_entr``
    and the default training configuration of DeepMedic v0.8.4. Its alternatives are MONAI's: ``DiceLoss(softmax=True,
    to_onehot_y=True, batch=True)`` equals its ``dsc``, with ``jaccard=True`` its ``iou``.

    The loss reads the network's kernels each time it is called, but does not own them: its state dictionary is empty,
    and moving it to a device moves nothing.

    Args:
        network: Whose kernels are penalised; any network, wrapped for distributed training or not.
        l1: Weight of the sum of absolute kernel values.
        l2: Weight of the sum of squared kernel values.
        epsilon: Added to each probability.

    Raises:
        ValueError: If a weight is negative, or ``epsilon`` is.
    """

    def __init__(self, network: nn.Module, l1: float = 1e-6, l2: float = 1e-4, epsilon: float = 1e-6) -> None:
        super().__init__()
        if min(l1, l2, epsilon) < 0:
            msg = f"`l1` (={l1}), `l2` (={l2}) and `epsilon` (={epsilon}) must not be negative."
            raise ValueError(msg)
        self.l1 = l1
        self.l2 = l2
        self.epsilon = epsilon
        self._networks = (network,)  # in a tuple, so that it does not become a part of this module

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Give the loss, a scalar in float32, also under autocast.

        Args:
            logits: ``(B, classes, D, H, W)``.
            label: Class indices ``(B, 1, D, H, W)`` or ``(B, D, H, W)``, of any number type.

        Raises:
            ValueError: If the shapes do not fit.
        """
        return self.cross_entropy(logits, label) + self.penalty()

    def cross_entropy(self, logits: Tensor, label: Tensor) -> Tensor:
        """Mean over all voxels of ``-log(p + epsilon)``, with ``p`` the probability of the true class."""
        if label.dim() == logits.dim() - 1:
            label = label.unsqueeze(1)
        if label.shape != (logits.shape[0], 1, *logits.shape[2:]):
            msg = (
                f"The label has shape {tuple(label.shape)}, the logits {tuple(logits.shape)}: expected class indices "
                f"of shape {(logits.shape[0], 1, *logits.shape[2:])}. Crop the label to what the network predicts."
            )
            raise ValueError(msg)
        probabilities = torch.softmax(logits.float(), 1)
        return -torch.log(probabilities.gather(1, label.long()) + self.epsilon).mean()

    def penalty(self) -> Tensor:
        """``l1 * sum |w| + l2 * sum w^2`` over the kernels of all convolutions."""
        kernels = [module.weight.float() for module in self._networks[0].modules() if isinstance(module, _ConvNd)]
        if not kernels:
            return torch.zeros(())
        absolute = torch.stack([kernel.abs().sum() for kernel in kernels]).sum()
        squared = torch.stack([kernel.square().sum() for kernel in kernels]).sum()
        return self.l1 * absolute + self.l2 * squared

"""MRI acquisition artifacts by TorchIO, drawn from the transform's own random state."""

from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import RandomizableTransform
from monai.utils import optional_import
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOverKeys

INSTALL = "pip install 'scanfill[mri-artifacts]'"


class RandTorchIO(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Run a random intensity transform of TorchIO (Perez-Garcia 2021, 10.1016/j.cmpb.2021.106236) on a volume.

    MONAI's ``RandTorchIO`` draws from PyTorch's global generator, so ``set_random_state`` has no effect and other
    random draws change; it also ignores the voxel size and returns a tensor without metadata. Use this class on
    intensities as in the file, before normalization, where such artifacts arise.

    Args:
        name: Name of the transform, such as ``RandomMotion``, ``RandomGhosting``, ``RandomSpike``, ``RandomBiasField``.
        prob: Probability of applying the transform.
        keep_zeros: Leave voxels unchanged that are exactly 0, those outside the brain in skull-stripped scans.
        arguments: Arguments of that transform.

    Raises:
        UsageError: TorchIO is not installed or has no such transform; the transform moves voxels, which labels would
            not follow, or does not accept the arguments.
    """

    def __init__(self, name: str, prob: float = 0.1, keep_zeros: bool = True, **arguments: Any) -> None:
        super().__init__(prob)
        self.name = name
        self.keep_zeros = keep_zeros
        self.seed = 0
        torchio, found = optional_import("torchio")
        if not found:
            msg = f"{name} needs TorchIO, which is not installed. Run {INSTALL}, or leave it out of the augmentation."
            raise UsageError(msg)
        self.scan_class = torchio.ScalarImage  # a module cannot be pickled for a worker
        transform = getattr(torchio.transforms, name, None)
        changes_intensities = torchio.transforms.intensity_transform.IntensityTransform
        if not (isinstance(transform, type) and issubclass(transform, changes_intensities)):
            has = "moves voxels, which label maps would not follow" if transform else "is not in TorchIO"
            msg = (
                f"{name} {has}. Use an intensity transform, such as RandomMotion, RandomGhosting, RandomSpike or "
                f"RandomBiasField; for deformation use MONAI's RandAffined or RandBSplineDeformationd."
            )
            raise UsageError(msg)
        try:
            self.transform = transform(p=1.0, **arguments)
        except (TypeError, ValueError) as error:
            msg = f"{name} does not accept {arguments}: {error} See its page in the documentation of TorchIO 1."
            raise UsageError(msg) from error

    def randomize(self, data: Any = None) -> None:
        """Draw whether to apply the transform, and the seed of its parameters."""
        super().randomize(data)
        self.seed = int(self.R.randint(2**31))

    def __call__(self, img: Tensor, randomize: bool = True) -> Tensor:
        """Change a copy of ``(C, D, H, W)``, keeping affine and history.

        Raises:
            UsageError: The image is not 3-D, or has an integer type, as label maps do.
        """
        if img.ndim != 4:
            msg = f"{self.name} expects volumes (C, D, H, W), got shape {tuple(img.shape)}. MRI artifacts are 3-D only."
            raise UsageError(msg)
        if not img.is_floating_point():
            msg = (
                f"{self.name} expects intensities, got {img.dtype}, the type of a label map. Remove label maps from "
                f"`keys`; if this is a scan, add CastToTyped with float32 before."
            )
            raise UsageError(msg)
        if randomize:
            self.randomize()
        if not self._do_transform:
            return img
        values = img.as_tensor() if isinstance(img, MetaTensor) else img
        affine = np.asarray(img.affine.cpu(), float) if isinstance(img, MetaTensor) else np.eye(4)
        scan = self.scan_class(tensor=values.detach().cpu().float(), affine=affine)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            changed = self.transform(scan).data.to(values)
        if self.keep_zeros:
            changed = torch.where(values == 0, values, changed)
        result: Tensor = img.clone()
        result[...] = changed
        return result


class RandTorchIOd(RandOverKeys):
    """Dictionary version of :py:class:`RandTorchIO`; each key gets its own draw, as sequences are acquired separately.

    Args:
        keys: Images, not label maps, for which intensity artifacts are meaningless.
        *args: See :py:class:`RandTorchIO`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`RandTorchIO`.
    """

    array_transform = RandTorchIO

"""Acquisition artefacts of MRI by TorchIO, drawn from the transform's own random state."""

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

    MONAI's ``RandTorchIO`` draws from PyTorch's global generator, so ``set_random_state`` does not fix it and it moves
    what others draw; it knows no voxel size, and returns a tensor without metadata. Use this one on intensities as in
    the file, before normalisation: that is where such artefacts arise.

    Args:
        name: Of the transform, such as ``RandomMotion``, ``RandomGhosting``, ``RandomSpike``, ``RandomBiasField``.
        prob: Probability of doing anything.
        keep_zeros: Leave voxels that are exactly 0: those of a skull-stripped scan that are not brain.
        arguments: Of that transform.

    Raises:
        UsageError: TorchIO is not installed, has no such transform, or it moves voxels, which labels would not follow;
            arguments that it does not take.
    """

    def __init__(self, name: str, prob: float = 0.1, keep_zeros: bool = True, **arguments: Any) -> None:
        super().__init__(prob)
        self.name = name
        self.keep_zeros = keep_zeros
        self.seed = 0
        torchio, found = optional_import("torchio")
        if not found:
            msg = f"{name} needs TorchIO, which is not installed: {INSTALL}, or leave it out of the augmentation."
            raise UsageError(msg)
        self.scan_class = torchio.ScalarImage  # a module cannot be copied to a worker
        transform = getattr(torchio.transforms, name, None)
        changes_intensities = torchio.transforms.intensity_transform.IntensityTransform
        if not (isinstance(transform, type) and issubclass(transform, changes_intensities)):
            has = "moves voxels, which label maps would not follow" if transform else "is not in TorchIO"
            msg = (
                f"{name} {has}. Take an intensity transform, such as RandomMotion, RandomGhosting, RandomSpike or "
                f"RandomBiasField; for deformation use MONAI's RandAffined or RandBSplineDeformationd."
            )
            raise UsageError(msg)
        try:
            self.transform = transform(p=1.0, **arguments)
        except (TypeError, ValueError) as error:
            msg = f"{name} does not take {arguments}: {error} See its page in the documentation of TorchIO 1."
            raise UsageError(msg) from error

    def randomize(self, data: Any = None) -> None:
        """Draw whether to do anything, and the seed of the rest."""
        super().randomize(data)
        self.seed = int(self.R.randint(2**31))

    def __call__(self, img: Tensor, randomize: bool = True) -> Tensor:
        """Change a copy of ``(C, D, H, W)``; affine and history stay.

        Raises:
            UsageError: The image is not 3-D, or holds whole numbers, as label maps do.
        """
        if img.ndim != 4:
            msg = f"{self.name} takes volumes (C, D, H, W), got shape {tuple(img.shape)}. MRI artefacts are 3-D only."
            raise UsageError(msg)
        if not img.is_floating_point():
            msg = (
                f"{self.name} takes intensities, got {img.dtype}, the type of a label map. Leave label maps out of "
                f"`keys`; if it is a scan, put CastToTyped with float32 before it."
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
    """Dictionary version of :py:class:`RandTorchIO`; each key draws for itself, as each sequence is acquired by itself.

    Args:
        keys: Images, never label maps: what TorchIO does to intensities means nothing for labels.
        *args: See :py:class:`RandTorchIO`.
        allow_missing_keys: Pass over keys that are not there.
        **kwargs: See :py:class:`RandTorchIO`.
    """

    array_transform = RandTorchIO

"""Prepare each volume once a run, and read slices of it from a memory map afterwards."""

import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import PersistentDataset

from scanfill.data.run_folder import run_folder
from scanfill.errors import UsageError


class MappedDataset(PersistentDataset):  # type: ignore[misc]  # MONAI's class is untyped
    """MONAI's PersistentDataset for random slices or small patches of large volumes.

    As there, everything up to the first random transform is done once per case and kept on disk. Here what is kept is
    mapped into memory and not read, so a crop of one slice reads that slice alone: volumes are stored with the last
    axis outermost, which makes slices across it contiguous. Keep few bytes (``CastToTyped`` to float16), and put
    whatever touches every voxel (padding, class indices) before the first random transform.

    The files are in a folder of this run, which is removed when the dataset or the process ends; see
    :py:func:`scanfill.data.run_folder.run_folder`. So they never outlive a change of the data or of a transform. The
    memory that they take is the system's file cache, which it frees when it needs to and shares between processes.

    Args:
        data: Cases.
        transform: Transforms; see :py:class:`monai.data.PersistentDataset`.
        cache_dir: Where the run's folder is created: a local disk with room for all prepared cases. By default the
            system's folder for temporary files, which on some systems is in memory.

    Raises:
        UsageError: The disk has not enough room for all cases, judged by those that are prepared; it ran full.
    """

    def __init__(
        self,
        data: Sequence[Any],
        transform: Sequence[Callable[..., Any]] | Callable[..., Any],
        cache_dir: str | Path | None = None,
    ) -> None:
        # Any object may be loaded, because only this run writes to the folder.
        super().__init__(data, transform, cache_dir=None, track_meta=True, weights_only=False)
        self.cache_dir = run_folder(self, cache_dir) / "cases"
        self.cache_dir.mkdir()

    def _cachecheck(self, item_transformed: Any) -> Any:
        """Return a case as it is before the first random transform, prepared now or by whichever process was first."""
        path = self.cache_dir / f"{self.hash_func(item_transformed).decode()}.pt"
        if not path.is_file():
            self._write(_compact(self._pre_transform(deepcopy(item_transformed))), path)
        # Not only weights, because of the metadata: a file of this run, in a folder that only its user can write to.
        return torch.load(path, mmap=True, weights_only=False)

    def _write(self, prepared: Any, path: Path) -> None:
        """Write a prepared case completely or not at all."""
        self._check_room(_size_of(prepared))
        temporary = path.with_suffix(f".{uuid.uuid4().hex[:8]}.partial")
        try:
            torch.save(prepared, temporary)
            os.replace(temporary, path)  # noqa: PTH105 - atomic on every platform, and documented as such
        except (OSError, RuntimeError) as error:
            msg = (
                f"A prepared case cannot be written to {self.cache_dir} ({error}). Choose another disk with cache_dir."
            )
            raise UsageError(msg) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _check_room(self, size: int) -> None:
        """Check that this case and, at the mean size so far, all that follow have room on the disk.

        Raises:
            UsageError: They have not.
        """
        sizes = [size, *(file.stat().st_size for file in self.cache_dir.glob("*.pt"))]
        left = max(1, len(self.data) - len(sizes) + 1)
        needed = max(size, int(left * np.mean(sizes)))
        free = shutil.disk_usage(self.cache_dir).free
        if needed > free:
            msg = (
                f"{left} of {len(self.data)} cases are still to be prepared, which takes some {needed / 1e9:.3g} GB in "
                f"{self.cache_dir}, where {free / 1e9:.3g} GB are free. Choose a larger disk with cache_dir, or make "
                f"the volumes smaller (larger voxels, float16)."
            )
            raise UsageError(msg)


def _compact(item: Any) -> Any:
    """Copy every tensor and array, with the last axis outermost in memory; views would be saved with all they view."""
    if isinstance(item, Mapping):
        return {key: _compact(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return type(item)(_compact(value) for value in item)
    if isinstance(item, np.ndarray) and item.dtype.kind in "biuf":
        item = torch.from_numpy(np.ascontiguousarray(item))
    if isinstance(item, torch.Tensor) and item.ndim:
        return item.movedim(-1, 0).clone(memory_format=torch.contiguous_format).movedim(0, -1)
    return item


def _size_of(item: Any) -> int:
    """Return how many bytes the tensors of a prepared case take."""
    if isinstance(item, Mapping):
        return sum(map(_size_of, item.values()))
    if isinstance(item, list | tuple):
        return sum(map(_size_of, item))
    return item.numel() * item.element_size() if isinstance(item, torch.Tensor) else 0

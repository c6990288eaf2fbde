"""Where the global random numbers stand, so that a resumed training draws what an unbroken one would have drawn."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


class RandomState:
    """The states of PyTorch's (CPU and every GPU), NumPy's and Python's global generators, as a state dictionary.

    Dropout, ``RandomSampler`` and the seeds of a data loader's processes come from them. The trap: MONAI's random
    transforms have generators of their own, seeded by ``set_determinism``; those start anew.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values, readable with ``torch.load(weights_only=True)``."""
        name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002  the global generator is what is asked for
        version, internal, gauss_next = random.getstate()
        return {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": [
                name,
                torch.from_numpy(np.asarray(keys, dtype=np.int64)),
                int(position),
                int(has_gauss),
                float(gauss),
            ],
            "python": [version, list(internal), gauss_next],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set all generators; those of GPUs only when there are as many as before."""
        torch.set_rng_state(state["torch"])
        if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])
        name, keys, position, has_gauss, gauss = state["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))  # noqa: NPY002  see above
        version, internal, gauss_next = state["python"]
        random.setstate((version, tuple(internal), gauss_next))

"""Save the state of the global random generators, so that a resumed training draws the same random numbers."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


class RandomState:
    """The states of the global generators of PyTorch (CPU and every GPU), NumPy and Python, as a state dictionary.

    Dropout, ``RandomSampler`` and the seeds of a data loader's processes depend on them. The trap: MONAI's random
    transforms have their own generators, seeded by ``set_determinism``; those restart from the seed.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values, readable with ``torch.load(weights_only=True)``."""
        name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002  the global generator is intended
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
        """Restore all generators; those of GPUs only if the number of GPUs is the same."""
        torch.set_rng_state(state["torch"])
        if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])
        name, keys, position, has_gauss, gauss = state["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))  # noqa: NPY002  see above
        version, internal, gauss_next = state["python"]
        random.setstate((version, tuple(internal), gauss_next))

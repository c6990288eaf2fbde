"""Dictionary versions of array transforms: they take the arguments of the array version and run it on each key."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable


class OverKeys(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Run an array transform on each key.

    Args:
        keys: Images.
        *args: Arguments of ``array_transform``.
        allow_missing_keys: Skip missing keys.
        **kwargs: Arguments of ``array_transform``, by name.
    """

    array_transform: ClassVar[Callable[..., Any]]  # class of the array version

    def __init__(self, keys: KeysCollection, *args: Any, allow_missing_keys: bool = False, **kwargs: Any) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = type(self).array_transform(*args, **kwargs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change the value of each key."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key])
        return d


class RandOverKeys(OverKeys, Randomizable):  # type: ignore[misc]
    """Run a random array transform on each key, with a new draw each time."""

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> Self:
        """Seed this transform and the array version."""
        super().set_random_state(seed, state)
        self.transform.set_random_state(seed, state)
        return self


class RandOnceOverKeys(RandOverKeys):
    """Run a random array transform on each key, with one draw for all keys of a case."""

    def randomize(self, data: Mapping[Hashable, Any]) -> None:  # noqa: ARG002  used by subclasses
        """Draw for one case."""
        self.transform.randomize()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw once and change the value of each key."""
        d = dict(data)
        self.randomize(d)
        for key in self.key_iterator(d):
            d[key] = self.transform(d[key], randomize=False)
        return d

"""RandomState."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import torch

from scanfill.engines.random_state import RandomState

if TYPE_CHECKING:
    from pathlib import Path


def draw() -> list[float]:
    numbers = [torch.rand(1).item(), torch.randn(1).item()]
    numbers += [np.random.normal(), np.random.random()]  # noqa: NPY002  the global generator is what is tested
    return [*numbers, random.random(), random.gauss()]  # noqa: S311  no secrets here


def test_a_file_brings_back_every_generator(tmp_path: Path) -> None:
    draw()  # leaves the second of a pair of Gaussian numbers waiting in NumPy's and Python's generators
    torch.save(RandomState().state_dict(), tmp_path / "state.pt")
    expected = draw()
    assert draw() != expected
    RandomState().load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert draw() == expected

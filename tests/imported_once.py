"""Imports of the fork server before it forks: everything that a run of a bundle or of ``scanfill`` may need."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import sys
from pathlib import Path

import fire  # noqa: F401  the command line
import monai.bundle  # noqa: F401
import torch._dynamo  # otherwise imported by the first optimizer step
import torch.utils.tensorboard  # noqa: F401

import scanfill

# Import packages, not their modules: a module would hide the function of the same name in its package.
for module in pkgutil.walk_packages(scanfill.__path__, "scanfill."):
    if module.ispkg:
        importlib.import_module(module.name)

PATH = [entry for entry in sys.path if entry not in {"", str(Path(__file__).parent)}]
"""Import path of a run after its working directory: the default path, without the tests."""

THREADS = max(1, len(list(Path("/proc/self").glob("task/*"))))
"""Must be 1: a fork may otherwise wait forever for a lock held by another thread."""

gc.collect()
gc.freeze()  # otherwise the first garbage collection in a fork writes to every shared page
sys.stdout.flush()
sys.stderr.flush()

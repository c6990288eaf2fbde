"""What the fork server has imported before it forks: all that a run of a bundle or of ``scanfill`` may need."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import sys
from pathlib import Path

import fire  # noqa: F401  the command line
import monai.bundle  # noqa: F401
import torch._dynamo  # the first step of an optimizer would import it
import torch.utils.tensorboard  # noqa: F401

import scanfill

# Packages with what they import themselves; a module by itself would hide the function of its name in its package.
for module in pkgutil.walk_packages(scanfill.__path__, "scanfill."):
    if module.ispkg:
        importlib.import_module(module.name)

PATH = [entry for entry in sys.path if entry not in {"", str(Path(__file__).parent)}]
"""Where a run imports from, after its working directory: what every Python here has, without the tests."""

THREADS = max(1, len(list(Path("/proc/self").glob("task/*"))))
"""More than one, and a fork may wait forever for what another thread held."""

gc.collect()
gc.freeze()  # else the first collection of a fork writes to every page that it shares with the others
sys.stdout.flush()
sys.stderr.flush()

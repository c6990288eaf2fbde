"""MONAI bundles and their parts for medical images that are not all there.

Import from the modules: ``scanfill.networks``, ``scanfill.transforms``, ``scanfill.losses``, ``scanfill.metrics``,
``scanfill.inferers``, ``scanfill.engines``, ``scanfill.data``, ``scanfill.report``.
"""

from __future__ import annotations

__version__ = "0.1.0"

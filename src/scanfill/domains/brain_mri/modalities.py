"""The four MRI sequences of a brain, and published results on synthesizing them.

Plain data only, because the scheduler of a study must import this module quickly.
"""

from collections.abc import Mapping

MODALITIES = ("t1", "t1ce", "t2", "flair")
"""The keys of a case's images, in the order in which networks stack them."""


PUBLISHED_MSE: Mapping[tuple[str, str], float] = {
    ("flair", "t1ce"): 0.517307,
    ("flair", "t1"): 0.494333,
    ("flair", "t2"): 0.342234,
    ("t1ce", "flair"): 0.896027,
    ("t1ce", "t1"): 1.052703,
    ("t1ce", "t2"): 0.972855,
    ("t1", "flair"): 0.764378,
    ("t1", "t1ce"): 0.628514,
    ("t1", "t2"): 0.845746,
    ("t2", "flair"): 0.454605,
    ("t2", "t1ce"): 0.383218,
    ("t2", "t1"): 0.439892,
}
"""(target, source) -> mean MSE in the brain of 251 patients (Raut et al., Frontiers in Radiology 2024, 1336902)."""


def published_mse() -> Mapping[tuple[str, str], float]:
    """Return :py:data:`PUBLISHED_MSE` for a config, which can call a function but not refer to a constant."""
    return PUBLISHED_MSE

"""Open a config of a bundle that the study has trained, to run it inside a job."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

LEFT_OUT = ("start_run", "announce", "dataset.report")
"""What a config does around its run, and a job does itself: messages, and exit code 1 if a case failed."""


def open_trained(bundle: Path, configs: Sequence[str], options: Mapping[str, Any]) -> ConfigParser:
    """Open configs of a trained bundle, merged, with some options; ``run`` without :py:data:`LEFT_OUT`.

    Args:
        bundle: Folder of the bundle, with ``configs``, its metadata among them, and its weights.
        configs: Names of the configs, in the order in which they are merged.
        options: Options of the result.
    """
    parser = ConfigParser()
    parser.read_config([str(bundle / "configs" / name) for name in configs])
    parser.read_meta(str(bundle / "configs" / "metadata.json"))
    steps = [step for step in parser["run"] if not any(name in str(step) for name in LEFT_OUT)]
    parser.update({**options, "bundle_root": str(bundle), "run": steps})
    return parser

"""Replacement for ``python -m monai.bundle run`` that immediately writes the declared outputs of a study's job.

This makes it possible to test the workflow itself in seconds. A job's files contain its options; the environment
variable ``BREAK`` names a job that fails.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from itertools import pairwise
from pathlib import Path


def main() -> None:
    words = sys.argv[1:]
    options = {word[2:]: value for word, value in pairwise(words) if word.startswith("--")}
    for value in options.values():
        if value.startswith(("[", "{")):
            ast.literal_eval(value)  # like MONAI's command line, which otherwise treats it as text
    text = json.dumps(options)
    if os.environ.get("BREAK") and os.environ["BREAK"] in text:
        sys.exit("this job was told to fail")
    sys.stdout.write("Step: nothing is chosen\n")
    config = options["config_file"]
    with Path("jobs.log").open("a") as log:
        log.write(f"{options.get('bundle_root') or options.get('output_dir') or options['output']}\n")
    if "training.yaml" in config:
        names = [Path(options["bundle_root"]) / name for name in ("models/model.pt", "receipt.json")]
    elif "choose.yaml" in config:
        targets = ["to_t1ce.yaml", "to_flair.yaml", "sources.json", "errors.json"]
        names = [Path(options["output_dir"]) / name for name in targets]
    elif "inner_images.yaml" in config:
        names = [Path(options["output_dir"]) / "list.json"]
    elif "paint_lesions.yaml" in config:
        names = [Path(options["output_dir"]) / name for name in ("list.json", "painted.json")]
    elif "predict.yaml" in config:
        names = [Path(options["output_dir"]) / "receipt.json"]
    else:
        names = [Path(options["output"])]
    for name in names:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text)


if __name__ == "__main__":
    main()

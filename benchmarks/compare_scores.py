"""Compare the scores of several networks on the same cases, as Markdown tables for docs/results.

    python benchmarks/compare_scores.py "plain=runs/plain_*" "unet=runs/unet_*/eval" --without Brats18_2013_20_1

The first network is the reference; the others are compared with it case by case.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.metrics import read_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Scores = dict[str, dict[str, float]]


def read_network(pattern: str) -> Scores:
    """Read every ``scores.csv`` in the matching folders, indexed by case and column."""
    rows = [row for folder in sorted(Path().glob(pattern)) for row in read_scores(folder / "scores.csv")]
    if not rows:
        msg = f"No scores.csv in the folders that match {pattern!r}. Pass NAME=PATTERN of folders with a scores.csv."
        raise FileNotFoundError(msg)
    return {
        str(row["case_id"]): {key: float(value) for key, value in row.items() if key[:4] in {"dice", "hd95"}}
        for row in rows
    }


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines)) + "\n"


def means(networks: Mapping[str, Scores], cases: Sequence[str], metric: str) -> str:
    """Return a table of mean and SD over cases, for each network and region."""
    lines = []
    for name, scores in networks.items():
        columns = [np.array([scores[case][f"{metric}_{region}"] for case in cases]) for region in REGIONS]
        digits = 3 if metric == "dice" else 1
        lines.append([name, *(f"{column.mean():.{digits}f} ± {column.std(ddof=1):.{digits}f}" for column in columns)])
    return table([f"{metric}, {len(cases)} cases", *REGIONS], lines)


def differences(networks: Mapping[str, Scores], cases: Sequence[str]) -> str:
    """Return a table of paired Dice differences from the first network: mean, SD, number of cases with higher Dice."""
    (peer, reference), *others = networks.items()
    lines = []
    for name, scores in others:
        line = [f"{name} - {peer}"]
        for region in REGIONS:
            pairs = np.array([scores[case][f"dice_{region}"] - reference[case][f"dice_{region}"] for case in cases])
            line.append(f"{pairs.mean():+.3f} ± {pairs.std(ddof=1):.3f} ({(pairs > 0).sum()} of {len(pairs)} higher)")
        lines.append(line)
    return table(["paired Dice", *REGIONS], lines)


def by_case(networks: Mapping[str, Scores], cases: Sequence[str]) -> str:
    """Return a table with the Dice of every case: NC / ED / CET / TC / WT."""
    lines = [
        [
            case,
            *(
                " / ".join(f"{scores[case][f'dice_{region}']:.2f}" for region in REGIONS)
                for scores in networks.values()
            ),
        ]
        for case in cases
    ]
    return table([" / ".join(REGIONS), *networks], lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", help="NAME=PATTERN of folders with a scores.csv")
    parser.add_argument("--without", nargs="*", default=[], help="cases to leave out in a second table of means")
    options = parser.parse_args()
    networks = {name: read_network(pattern) for name, pattern in (text.split("=", 1) for text in options.networks)}
    cases = sorted(set.intersection(*(set(scores) for scores in networks.values())))
    print(means(networks, cases, "dice"), means(networks, cases, "hd95"), differences(networks, cases), sep="\n")
    if options.without:
        kept = [case for case in cases if case not in options.without]
        print(f"Without {', '.join(options.without)}:\n\n{means(networks, kept, 'dice')}")
    print(by_case(networks, cases))


if __name__ == "__main__":
    main()

"""Crops of a fixed number of voxels from images of varying voxel size and orientation."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Items
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import FIXED_SIZE, GRIDS, KNOWN, READERS, Transform


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find volumes that are cropped to a fixed number of voxels without Orientationd or Spacingd before."""
    for chain in pipeline.preparing():
        crop = next((step for step in chain.steps if _crops_volume(step, volumes=_has_volumes(pipeline))), None)
        if crop is None or not _all_known_before(chain, crop):
            continue
        before = {step.base for step in chain.steps[: crop.place]}
        lacking = [] if "Orientation" in before else ["Orientationd"]
        lacking += [] if before & GRIDS else ["Spacingd"]
        if lacking:
            name = crop.name
            what = f"{name} crops a fixed number of voxels, with no {' and no '.join(lacking)} before it."
            why = "The crop then covers a different extent in mm for each voxel size, in the orientation of the file: "
            why += "images of other scanners silently look different to the network."
            fix = f"Put {' and '.join(lacking)} before it, or state in an ignore comment why all files have one grid."
            yield fault(crop, what, why, fix)


def _has_volumes(pipeline: Pipeline) -> bool:
    """Return whether the networks take volumes, so that a single number is the side of a cube."""
    made = (component for _, component in pipeline.components if component.has("spatial_dims"))
    ranks = [component.argument("spatial_dims") for component in made]
    return bool(ranks) and all(rank == 3 for rank in ranks)


def _crops_volume(step: Transform, *, volumes: bool) -> bool:
    name = FIXED_SIZE.get(step.base)
    size = step.argument(name) if name else None
    if isinstance(size, int) and volumes:
        size = Items([size] * 3)
    if not isinstance(size, Items) or len(size) != 3:
        return False
    return (
        all(isinstance(side, int) and side > 0 for side in size)
        and step.argument("random_size", default=False) is not True
    )


def _all_known_before(chain: Chain, crop: Transform) -> bool:
    """Return whether the chain reads files and has no custom transform that may reorient or resample."""
    before = chain.steps[: crop.place]
    own = any("." in step.component.target and not step.component.target.startswith("monai.") for step in before)
    unknown = any(step.base.startswith(("Load", "Read")) and step.base not in KNOWN for step in before)
    return chain.complete and not own and not unknown and any(step.base in READERS for step in before)


RULE = Rule("grid-before-crop", "no Orientationd or Spacingd before a crop of fixed size", look)

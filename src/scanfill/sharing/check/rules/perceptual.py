"""Losses that download a network from the internet when they are created."""

from collections.abc import Iterator

from scanfill.sharing.check.config import Component
from scanfill.sharing.check.expression import Unknown
from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find PerceptualLoss that downloads weights."""
    for _, component in pipeline.components:
        if component.name in ("PerceptualLoss", "LPIPS") and _downloads(component):
            network = component.argument("network_type", "alex")
            of = "" if isinstance(network, Unknown) else f" of {network!r}"
            what = f"{component.name} downloads the weights{of} when it is created."
            why = "In a hospital network, or when the address is gone, the training stops there; and the config does "
            why += "not show which weights it uses."
            fix = "Keep the weights with the bundle: `network_type: resnet50` with `pretrained_path`; or state in an "
            yield Fault(component.node, what, why, f"{fix}ignore comment where they come from.")


def _downloads(component: Component) -> bool:
    """Return whether weights are downloaded; ``pretrained`` only matters for networks of LPIPS and torchvision."""
    network = str(component.argument("network_type", "alex"))
    volumes = component.argument("spatial_dims") == 3 and component.argument("is_fake_3d", default=True) is False
    if volumes or network.startswith(("radimagenet", "medicalnet")):
        return True
    if component.argument("pretrained", default=True) is False:
        return False
    return not (network == "resnet50" and component.argument("pretrained_path"))


RULE = Rule("perceptual-download", "PerceptualLoss that downloads weights", look)

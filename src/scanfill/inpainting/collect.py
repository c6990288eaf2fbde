"""Keep what an evaluation filled, and fill the same holes with other trained bundles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from torch import Tensor

from scanfill.engines.checkpoint_files import read_checkpoint
from scanfill.errors import CheckpointError


@dataclass
class Hole:
    """A hole in an image that the network has not seen, and what it was filled with.

    Attributes:
        case_id: The case.
        patient: The patient.
        image: The real image in a window about the hole, ``(C, ...)``, -1 to 1.
        label: The parts of the lesion, ``(1, ...)``; 0 outside the hole.
        condition: Description of the hole, ``(K, ...)``.
        seed: Of all that is random.
        fillings: Row -> the window with its hole filled, ``(C, ...)``.
        extra: Further images on this window, such as the mirrored brain.
    """

    case_id: str
    patient: str
    image: Tensor
    label: Tensor
    condition: Tensor
    seed: int
    fillings: dict[str, Tensor] = field(default_factory=dict)
    extra: dict[str, Tensor] = field(default_factory=dict)

    @property
    def inside(self) -> Tensor:
        """The hole, ``(1, ...)``, bool."""
        return self.label != 0


class CollectHoles:
    """A handler of an evaluator that keeps each hole, and what it was filled with.

    Args:
        row: Name of the evaluated network's row.
        others: Row -> folder of another trained bundle, which fills the same holes.
        device: Of these.
        extra: Keys of further images to keep.

    Raises:
        CheckpointError: Another bundle was trained with other inputs.
    """

    def __init__(
        self,
        row: str,
        others: Mapping[str, str | Path] | None = None,
        device: torch.device | str = "cpu",
        extra: tuple[str, ...] | list[str] = (),
    ) -> None:
        self.row, self.extra, self.device = row, tuple(extra), torch.device(device)
        self.fillers = {name: _filler_of(Path(folder), self.device) for name, folder in (others or {}).items()}
        self.holes: list[Hole] = []

    def attach(self, engine: Engine) -> None:
        """Keep the holes of each iteration."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Keep the holes of one batch."""
        batch = engine.state.batch
        output = engine.state.output
        for index, case in enumerate(batch["case_id"]):
            one = output[index] if isinstance(output, list) else {key: output[key][index] for key in ("pred",)}
            kept = {
                key: batch[key][index].detach().cpu().float() for key in ("image", "target", "condition", *self.extra)
            }
            hole = Hole(
                str(case),
                str(batch["patient"][index]),
                kept["image"],
                kept["target"].round(),
                kept["condition"],
                int(batch["seed"][index]),
                extra={key: kept[key] for key in self.extra},
            )
            hole.fillings[self.row] = torch.Tensor(one["pred"].detach().cpu().float())
            for name, (inferer, network) in self.fillers.items():
                given = {"hole": hole.inside[None].float(), "condition": hole.condition[None], "seed": [hole.seed]}
                moved = {
                    key: value.to(self.device) if isinstance(value, Tensor) else value for key, value in given.items()
                }
                with torch.inference_mode():
                    filled = inferer(hole.image[None].to(self.device), network, **moved)
                hole.fillings[name] = filled[0].cpu()
            self.holes.append(hole)


def _filler_of(folder: Path, device: torch.device) -> tuple[Any, torch.nn.Module]:
    """Return the inferer and the network of a trained bundle."""
    config = folder / "configs" / "inference.yaml"
    if not config.is_file():
        msg = f"{folder} is not a trained bundle: it has no configs/inference.yaml."
        raise CheckpointError(msg)
    parser = ConfigParser(ConfigParser.load_config_file(str(config)))
    parser["device"] = device
    content = read_checkpoint(folder / "models" / "model.pt")
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(content["network"])
    return parser.get_parsed_content("inferer"), network.to(device).eval()

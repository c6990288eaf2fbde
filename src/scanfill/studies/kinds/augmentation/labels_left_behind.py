"""Reproduce a mistake on purpose: validation images are augmented as in training, and their labels are not."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose
from monai.utils import convert_to_tensor

from scanfill.data import load_schema
from scanfill.errors import UsageError
from scanfill.report.preset_pictures import of_whole_images
from scanfill.studies.kinds.augmentation import LEFT_BEHIND
from scanfill.studies.prediction import Prepared, Task, as_given
from scanfill.studies.predictor import Predictor

Case = dict[str, Any]


class LabelsLeftBehind:
    """A preparation (:py:class:`scanfill.studies.prediction.Preparation`) that augments the images of one task.

    Every other task gets its cases as they are.

    Args:
        seed: Seed of the augmentation; the same for each task, so that a prediction can be repeated.
    """

    def __init__(self, seed: int | str) -> None:
        self.seed = int(seed)
        self._restore: tuple[Predictor, Any] | None = None

    def __call__(self, cases: Sequence[Case], task: Task, predictor: Predictor) -> Prepared:
        """Let the network see augmented images in the task of labels left behind.

        Raises:
            CaseError: A case must not be used for evaluation.
            UsageError: The network's inference does not have the images that the training augments.
        """
        parser = ConfigParser()
        parser.read_config(str(predictor.model.folder / "configs" / "train.yaml"))
        if task["task"] == LEFT_BEHIND:
            steps, keys = (parser.get_parsed_content(name) for name in ("augmentation", "image_keys"))
            prepared = predictor.dataset.transform
            predictor.dataset.transform = Compose([prepared, MovedImages(steps, keys, self.seed)])
            self._restore = predictor, prepared
        schema = load_schema(parser.get_parsed_content("schema"))
        return Prepared([as_given(case, schema) for case in cases])

    def clear(self) -> None:
        """Let the network see images as they are again."""
        if self._restore:
            predictor, prepared = self._restore
            predictor.dataset.transform = prepared
            self._restore = None

    def close(self) -> None:
        """Do nothing: no file was written."""


class MovedImages:
    """Augment prepared images, such that nothing but their values tells of it.

    A MetaTensor records what moved it, and ``Invertd`` moves predictions back accordingly: with that record, the
    mistake would have no effect. So the record, like the position in space, stays that of the image before.

    Args:
        steps: Transforms of a training's augmentation.
        keys: Images that the network takes.
        seed: Seed of the steps.
    """

    def __init__(self, steps: Sequence[Any], keys: Sequence[str], seed: int) -> None:
        self.steps, self.keys, self.seed = list(steps), list(keys), seed
        self.augment: Compose | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Augment the images of one case.

        Raises:
            UsageError: An image is missing, or would change its size.
        """
        if absent := [key for key in self.keys if key not in data]:
            msg = f"with_bug (=true): inference has no {absent[0]!r}, which the training augments. Set with_bug=false."
            raise UsageError(msg)
        if self.augment is None:
            self.augment = Compose(of_whole_images(self.steps, data)).set_random_state(self.seed)
        moved = self.augment(dict(data))
        return dict(data) | {key: self._like(moved[key], data[key]) for key in self.keys}

    def _like(self, moved: Any, image: Any) -> Any:
        if tuple(moved.shape) != tuple(image.shape):
            msg = (
                f"with_bug (=true): a preset changes the size of an image from {tuple(image.shape)} to "
                f"{tuple(moved.shape)}, which a prediction must have. Omit the preset, or set with_bug=false."
            )
            raise UsageError(msg)
        values = convert_to_tensor(moved, track_meta=False)
        if not isinstance(image, MetaTensor):
            return values
        return MetaTensor(values, meta=image.meta, applied_operations=image.applied_operations)

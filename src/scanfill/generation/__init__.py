"""Generate images from conditions: what is asked, what noise a sample starts from, and how samples are judged."""

from scanfill.generation.collect import CollectSamples, Judgement
from scanfill.generation.encode import EncodeConditionsd, RandForgetConditionsd
from scanfill.generation.gray_values import gray_range
from scanfill.generation.noise import NoiseOfSeedd
from scanfill.generation.real_images import real_parts
from scanfill.generation.requests import check_place, find_requests, requests_like
from scanfill.generation.sheet import SaveSheet
from scanfill.generation.vocabulary import (
    Vocabulary,
    learn_vocabulary,
    trained_vocabulary,
    warn_of_rare_categories,
)

__all__ = [
    "CollectSamples",
    "EncodeConditionsd",
    "Judgement",
    "NoiseOfSeedd",
    "RandForgetConditionsd",
    "SaveSheet",
    "Vocabulary",
    "check_place",
    "find_requests",
    "gray_range",
    "learn_vocabulary",
    "real_parts",
    "requests_like",
    "trained_vocabulary",
    "warn_of_rare_categories",
]

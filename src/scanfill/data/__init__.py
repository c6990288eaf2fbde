"""Turn a folder of images into case lists, split by patient, for any kind of data."""

from scanfill.data.cases import find_cases
from scanfill.data.failures import CollectFailures
from scanfill.data.finders import ClassFinder, FileFinder, FolderFinder, TableFinder
from scanfill.data.finished_cases import FinishedCases
from scanfill.data.image import median_spacing
from scanfill.data.kept_split import save_split
from scanfill.data.layouts import Layout, LayoutFinder
from scanfill.data.lists import read_list, write_case_list, write_split
from scanfill.data.mapped import MappedDataset
from scanfill.data.new_cases import list_new_cases
from scanfill.data.outline_files import read_outlines, write_outlines
from scanfill.data.outlines import fill_outlines, outlines_of
from scanfill.data.pages import read_pages, write_pages
from scanfill.data.phantoms import phantom_note
from scanfill.data.read import ReadCased
from scanfill.data.save_label import SaveLabeld
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.data.schema import CaseSchema, ConditionSpec, GeneratorSpec, ImageSpec, LabelSpec
from scanfill.data.schema_names import load_schema
from scanfill.data.splits import choose_cases, fold_cases, load_cases, split_cases, write_splits

__all__ = [
    "CaseSchema",
    "ClassFinder",
    "CollectFailures",
    "ConditionSpec",
    "FileFinder",
    "FinishedCases",
    "FolderFinder",
    "GeneratorSpec",
    "ImageSpec",
    "LabelSpec",
    "Layout",
    "LayoutFinder",
    "MappedDataset",
    "ReadCased",
    "SaveLabeld",
    "SaveSyntheticd",
    "TableFinder",
    "choose_cases",
    "fill_outlines",
    "find_cases",
    "fold_cases",
    "list_new_cases",
    "load_cases",
    "load_schema",
    "median_spacing",
    "outlines_of",
    "phantom_note",
    "read_list",
    "read_outlines",
    "read_pages",
    "save_split",
    "split_cases",
    "write_case_list",
    "write_outlines",
    "write_pages",
    "write_split",
    "write_splits",
]

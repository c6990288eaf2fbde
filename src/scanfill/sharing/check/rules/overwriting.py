"""Results that are overwritten by the results of the next case."""

import re
from collections.abc import Iterator

from scanfill.sharing.check.config import Component
from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline
from scanfill.sharing.check.transforms import base_name

QUOTED = re.compile(r"""['"]([^'"]*)['"]""")
"""Text in an expression, such as the pattern of ``glob.glob(@dataset_dir + '/*/t1.nii.gz')``."""
WHY = "A result is named after the input file: if every case is a folder with `t1.nii.gz`, only the last one is kept."


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find SaveImaged that gives several cases the same file name."""
    alike = _same_names(pipeline)
    for _, component in pipeline.components:
        if base_name(component.name) != "SaveImage":
            continue
        if _lands_on_input(component):
            what = f"{component.name} writes to the folder and name of the input."
            fix = "Write to a separate folder (`output_dir`), or add an `output_postfix`."
            yield Fault(component.node, what, "The scan of the patient is replaced by the prediction.", fix)
            continue
        if alike is False:
            continue
        if component.argument("data_root_dir") or component.argument("output_name_formatter"):
            continue
        if component.argument("folder_layout") is not None:
            continue
        apart = component.argument("separate_folder", default=True) is not False
        if not apart or alike:
            yield _fault(component, apart=apart)


def _lands_on_input(component: Component) -> bool:
    """Return whether a result has the path of its input: no postfix, and ``output_dir`` is ``data_root_dir``."""
    apart = component.argument("separate_folder", default=True) is not False
    if apart or component.argument("output_postfix", "trans") != "" or component.has("output_name_formatter"):
        return False
    given = [component.node.value[name].value for name in ("output_dir", "data_root_dir") if component.has(name)]
    return len(given) == 2 and isinstance(given[0], str) and given[0] == given[1]


def _same_names(pipeline: Pipeline) -> bool | None:
    """Return whether files of different cases have the same name, by their search pattern; None if unknown."""
    texts = [node.value for _, node in pipeline.config.walk() if isinstance(node.value, str)]
    patterns = [pattern for text in texts if text.startswith("$") and "glob" in text for pattern in _patterns(text)]
    if not patterns:
        return None
    folders = [pattern.rpartition("/")[0] for pattern in patterns]
    files = [pattern.rpartition("/")[2] for pattern in patterns]
    if any("*" not in file for file in files):
        return True
    return None if any("*" in folder for folder in folders) else False


def _patterns(expression: str) -> list[str]:
    """Return the file patterns in an expression; ``os.path.join`` joins its parts into one."""
    quoted = QUOTED.findall(expression)
    joined = ["/".join(quoted)] if ".join(" in expression else quoted
    return [pattern for pattern in joined if "*" in pattern]


def _fault(component: Component, *, apart: bool) -> Fault:
    said = "input files have the same name in every case" if apart else "`separate_folder: false`"
    what = f"{component.name} has no `data_root_dir`, and {said}: cases may overwrite each other."
    fix = "Add `data_root_dir` (the folder of the input), which keeps the case's folder; or, if every input file has a "
    return Fault(component.node, what, WHY, f"{fix}unique name, state it in an ignore comment.")


RULE = Rule("overwritten-output", "SaveImaged that gives several cases the same file name", look)

"""Print the lines of code in each folder of the package, without blank lines, comments and docstrings."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "scanfill"
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(path: Path) -> int:
    """Count the lines of a module that contain code."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in NO_CODE][1:]  # the encoding
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return len(lines - docstring_lines(ast.parse(path.read_text(encoding="utf-8"))))


def docstring_lines(tree: ast.Module) -> set[int]:
    """List the lines of docstrings, including those of attributes."""
    found = set()
    for node in ast.walk(tree):
        for statement in node.body if isinstance(node, DOCUMENTED) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found |= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return found


def main() -> None:
    """Print one line per folder, the largest first, and the total."""
    lines: Counter[str] = Counter()
    for path in ROOT.rglob("*.py"):
        lines[path.relative_to(ROOT).parts[0] if path.parent != ROOT else "(modules)"] += code_lines(path)
    for folder, count in lines.most_common():
        print(f"{count:6,}  {folder}")
    print(f"{lines.total():6,}  in all")


if __name__ == "__main__":
    main()

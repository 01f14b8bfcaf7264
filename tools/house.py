"""The rules of the house that no linter knows: sizes, names, leftovers, constraints. Lists what is broken, exits 1."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "misc", "core", "manager", "base"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
INDEX_ADDRESS = re.compile(r"^(-|--)|https?://|file:|@ ")
# Longer than a file may be, because they are tables of data and not code. Keep this list short.
DATA_TABLES: set[str] = set()


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def long_functions(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield node.name, node.lineno, length


def problems_of(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text()
    lines = text.count("\n")
    if lines > MAX_FILE_LINES and name not in DATA_TABLES:
        yield f"{name}: {lines} lines, at most {MAX_FILE_LINES}: cut it where its subject changes"
    if path.stem in FORBIDDEN_NAMES:
        yield f"{name}: a module is named after what it holds, not {path.stem!r}"
    if not name.startswith("tools/"):
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{name}:{number}: unfinished: {line.strip()[:80]}"
    for function, line_number, length in long_functions(ast.parse(text)):
        yield f"{name}:{line_number}: {function} has {length} lines, at most {MAX_FUNCTION_LINES}"


def broken_rules() -> Iterator[str]:
    for path in tracked("*.py"):
        yield from problems_of(path)
    for number, line in enumerate((ROOT / "constraints.txt").read_text().splitlines(), 1):
        if INDEX_ADDRESS.search(line):
            yield f"constraints.txt:{number}: names an address: {line}"
    readme = ROOT / "README.md"
    if readme.exists() and readme.read_text().count("\n") > 120:
        yield "README.md: over 120 lines: move detail to docs/"


def main() -> int:
    found = list(broken_rules())
    for line in found:
        print(line)
    print(f"house rules: {len(found)} broken" if found else "house rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Who imports whom in lib and tools, read from the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"advlib": ROOT / "lib", "advtools": ROOT / "tools"}


@dataclass(frozen=True)
class Import:
    """One imported module.

    importer, imported: dotted names.  late: whether the import stands in a function, so that it is
    made when that is called.
    """

    importer: str
    imported: str
    late: bool
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """The source of every module by its dotted name; a package's is its __init__.py."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import in lib and tools, those for type checkers alone aside."""
    return tuple(
        found
        for name, path in modules().items()
        for found in _imports(name, ast.parse(path.read_text()), late=False)
    )


def _imports(importer: str, tree: ast.AST, late: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, alias.name, late, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level and node.module, f"{importer}: a relative import"
            for alias in node.names:
                part = f"{node.module}.{alias.name}"
                imported = part if part in modules() else node.module
                yield Import(importer, imported, late, node.lineno)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(importer, node, late or inside)


def packages_of(name: str) -> list[str]:
    """The packages that are imported before a module is."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def loaded_by(name: str) -> set[str]:
    """All that importing a module imports, directly or not: our modules and those of others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [*packages_of(one), *_direct().get(one, ())]
    return found


@cache
def _direct() -> dict[str, set[str]]:
    """What each module imports as soon as it is imported."""
    out: dict[str, set[str]] = {}
    for found in imports():
        if not found.late:
            out.setdefault(found.importer, set()).add(found.imported)
    return out

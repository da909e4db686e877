"""Which of our modules a file names in its imports, and where it may not."""

import ast
from collections.abc import Iterator

from tests.architecture.source import PACKAGES, Source

Module = tuple[str, ...]


def ours(file: Source, within: ast.AST | None = None) -> Iterator[tuple[int, Module]]:
    """Line and module of each import of our own packages; the name imported from a package counts as its module."""
    for node in ast.walk(within or file.tree):
        for name in _imported(file, node):
            if name[0] in PACKAGES:
                yield getattr(node, "lineno", 0), name


def local(file: Source) -> list[str]:
    """Imports of our own packages inside functions."""
    functions = [node for node in ast.walk(file.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {found for function in functions for found in ours(file, function)}
    return sorted(f"{file.path}:{line} imports {'.'.join(name)} inside a function" for line, name in found)


def kinds(files: tuple[Source, ...]) -> set[str]:
    """Names of the kinds: folders of `devices` that declare a KIND."""
    return {
        file.module[1]
        for file in files
        if file.path.name == "__init__.py" and file.module[:1] == ("devices",) and "KIND" in assigned(file.tree)
    }


def strangers(file: Source, kind_names: set[str]) -> list[str]:
    """Imports of a kind's module from outside the folders that bear the kind's name."""
    return [
        f"{file.path}:{line} imports {'.'.join(name)}"
        for line, name in ours(file)
        if (kind := _kind_of(name, kind_names)) and kind not in file.module
    ]


def _kind_of(name: Module, kind_names: set[str]) -> str | None:
    """The kind that a module belongs to, by its place: devices/KIND or PACKAGE/kinds/KIND."""
    candidates = name[1:2] if name[0] == "devices" else name[2:3] if name[1:2] == ("kinds",) else ()
    return next((part for part in candidates if part in kind_names), None)


def _imported(file: Source, node: ast.AST) -> Iterator[Module]:
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = file.module if file.path.name == "__init__.py" else file.module[:-1]
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = above + tuple((node.module or "").split(".") if node.module else ())
        yield from ((*base, alias.name) for alias in node.names)


def assigned(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top."""
    targets = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}

"""Which functions of a module nothing else in it uses: among them is the one that a node calls."""

import ast


def unused(source, names):
    """Those of `names`, functions at the top level, that no other part of the module mentions.

    A function's own body does not count, nor does `if __name__ == "__main__":`, nor a local variable of the same name. A
    call, a decorator, a default and a reference count alike.
    """
    names = set(names)
    used = set()
    for node in ast.parse(source).body:
        if is_main_guard(node):
            continue
        own = {getattr(node, "name", None)} | local_names(node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id in names - own:
                used.add(inner.id)
    return sorted(names - used)


def local_names(node):
    """The parameters and variables of a function and of those in it."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return set()
    found, shared = set(), set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            found.add(inner.arg)
        elif isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            found.add(inner.id)
        elif isinstance(inner, ast.Global):
            shared.update(inner.names)
    return found - shared


def is_main_guard(node):
    test = node.test if isinstance(node, ast.If) else None
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)

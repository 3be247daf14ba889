"""Which functions of a module nothing else in it uses: among them is the one that a node calls."""

import ast


def unused(source, names):
    """Those of `names`, functions at the top level, that no other part of the module mentions.

    A function's own body does not count, nor does `if __name__ == "__main__":`. A call, a decorator, a default and a
    reference count alike.
    """
    names = set(names)
    used = set()
    for node in ast.parse(source).body:
        if is_main_guard(node):
            continue
        own = getattr(node, "name", None)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id in names and inner.id != own:
                used.add(inner.id)
    return sorted(names - used)


def is_main_guard(node):
    test = node.test if isinstance(node, ast.If) else None
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)

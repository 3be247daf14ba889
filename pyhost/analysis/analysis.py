"""What a node's source says without being run: functions, classes, imports, docstrings, and what looks dangerous.

pyhost carries these modules and runs them in a worker that describes a node (see describe.cpp); they are Python because
Python's own parser is. They work on every Python from 3.8 on, import nothing but the standard library, and run before any code
of the node does.
"""

import ast

from _qflow_docstrings import read_docstring  # noqa: F401, asked for by describe.cpp
from _qflow_imports import scan_imports
from _qflow_reader import Reader
from _qflow_suspicions import Suspicions


def analyse(source):
    """The static description of a module as what JSON can say. Raises SyntaxError."""
    reader = Reader(source)
    out = reader.read()
    every = dict(reader.aliases)
    for node in ast.walk(reader.tree):  # imports inside functions name things too
        if isinstance(node, ast.Import):
            for alias in node.names:
                every.setdefault(alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                every.setdefault(alias.asname or alias.name, node.module + "." + alias.name)
    suspicions = Suspicions(every)
    suspicions.visit(reader.tree)
    out["imports"] = scan_imports(reader.tree)
    out["findings"] = sorted(suspicions.found, key=lambda one: one["line"])
    return out

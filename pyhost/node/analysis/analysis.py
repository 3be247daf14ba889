"""Describes a node's source without running it: functions, classes, imports, docstrings, and code that looks dangerous.

pyhost embeds these modules and runs them in a worker that describes a node (see describe.cpp); they are in Python
because Python's own parser is. They work on every Python from 3.8 on, import only the standard library, and run before
any of the node's code.
"""

import ast

from _qflow_docstrings import read_docstring  # noqa: F401, used by describe.cpp
from _qflow_entry import unused  # noqa: F401, used by describe.cpp
from _qflow_imports import scan_imports
from _qflow_reader import Reader
from _qflow_suspicions import Suspicions


def analyse(source):
    """The static description of a module, in types that JSON has. Raises SyntaxError."""
    reader = Reader(source)
    out = reader.read()
    every = dict(reader.aliases)
    for node in ast.walk(reader.tree):  # imports inside functions also bind names
        if isinstance(node, ast.Import):
            for alias in node.names:
                every.setdefault(alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                every.setdefault(alias.asname or alias.name, node.module + "." + alias.name)
    suspicions = Suspicions(every)
    suspicions.visit(reader.tree)
    out["unused"] = unused(source, [one["name"] for one in out["functions"]])
    out["imports"] = scan_imports(reader.tree)
    out["findings"] = sorted(suspicions.found, key=lambda one: one["line"])
    return out

"""The imports of a module, wherever they stand, and the distributions that provide them."""

import ast
import importlib.util
import sys
from importlib import metadata

MOST = 200
GUARDS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")

# Modules whose name differs from the name of the distribution to install.
WELL_KNOWN = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "PyMuPDF", "git": "GitPython",
    "igraph": "python-igraph", "jose": "python-jose", "jwt": "PyJWT",
    "kafka": "kafka-python", "Levenshtein": "python-Levenshtein", "ldap": "python-ldap", "lxml": "lxml", "magic": "python-magic",
    "MySQLdb": "mysqlclient", "OpenSSL": "pyOpenSSL", "pkg_resources": "setuptools", "PIL": "Pillow", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "pydantic_settings": "pydantic-settings", "pymysql": "PyMySQL", "pyspark": "pyspark",
    "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify",
    "telegram": "python-telegram-bot", "umap": "umap-learn", "usb": "pyusb", "win32api": "pywin32", "yaml": "PyYAML",
    "zmq": "pyzmq",
}  # fmt: skip


def dotted(node):
    """"os.path.join" of a Name or Attribute; "" for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


class ImportScan(ast.NodeVisitor):
    """Every import, wherever it stands, and whether the code can do without it."""

    def __init__(self):
        self.found = {}
        self.guarded = 0
        self.inside = 0  # functions

    def add(self, name, line):
        top = name.split(".")[0]
        known = self.found.get(top)
        if known is None:
            if len(self.found) < MOST:
                self.found[top] = {"module": top, "line": line, "optional": self.guarded > 0, "top": self.inside == 0}
        elif not self.guarded:
            known["optional"] = False
            known["top"] = known["top"] or self.inside == 0

    def visit_Import(self, node):
        for alias in node.names:
            self.add(alias.name, node.lineno)

    def visit_ImportFrom(self, node):
        if not node.level and node.module:
            self.add(node.module, node.lineno)

    def visit_Call(self, node):
        name = dotted(node.func)
        if name in ("importlib.import_module", "__import__", "import_module") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self.add(first.value, node.lineno)
        self.generic_visit(node)

    def visit_If(self, node):
        """An import that only a type checker makes is not needed to run."""
        checking = dotted(node.test).rsplit(".", 1)[-1] == "TYPE_CHECKING"
        self.guarded += checking
        for line in node.body:
            self.visit(line)
        self.guarded -= checking
        for line in node.orelse:
            self.visit(line)

    def visit_FunctionDef(self, node):
        self.inside += 1
        self.generic_visit(node)
        self.inside -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Try(self, node):
        caught = [dotted(t) for h in node.handlers for t in (h.type.elts if isinstance(h.type, ast.Tuple) else [h.type])]
        guards = any(not c or c in GUARDS for c in caught)
        self.guarded += guards
        for line in node.body:
            self.visit(line)
        for handler in node.handlers:
            for line in handler.body:
                self.visit(line)
        for line in node.orelse:  # reached only if the guarded body succeeded
            self.visit(line)
        self.guarded -= guards
        for line in node.finalbody:
            self.visit(line)

    visit_TryStar = visit_Try

    def visit_With(self, node):
        """with contextlib.suppress(ImportError)"""
        guards = False
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and dotted(call.func).rsplit(".", 1)[-1] == "suppress":
                guards = guards or any(dotted(one) in GUARDS for one in call.args)
        self.guarded += guards
        self.generic_visit(node)
        self.guarded -= guards


def standard_modules():
    names = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
    if names is not None:
        return names
    import os

    names = set(sys.builtin_module_names)
    for directory in {os.path.dirname(os.__file__), os.path.join(os.path.dirname(os.__file__), "lib-dynload")}:
        if os.path.isdir(directory):
            names.update(entry.split(".")[0] for entry in os.listdir(directory) if entry != "site-packages")
    return names


def providers(wanted):
    """{top-level module: distributions that have it}, from the metadata of the installed distributions."""
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if not name:
            continue
        tops = (distribution.read_text("top_level.txt") or "").split()
        if not tops:
            files = distribution.files or []
            tops = {file.parts[0].split(".")[0] for file in files if file.suffix == ".py" or len(file.parts) > 1}
        for top in set(tops) & wanted:
            if name not in found.setdefault(top, []):
                found[top].append(name)
    return found


def scan_imports(tree):
    scan = ImportScan()
    scan.visit(tree)
    standard = standard_modules()
    others = {}
    for name, one in scan.found.items():
        one["standard"] = name in standard or name in ("nodes", "__future__")
        if not one["standard"]:
            try:
                one["present"] = importlib.util.find_spec(name) is not None
            except (ImportError, ValueError, AttributeError):
                one["present"] = name in sys.modules
            others[name] = one
        else:
            one["present"] = True
        one["distributions"] = []
    present = {name for name, one in others.items() if one["present"]}
    known = providers(present) if present else {}
    for name, one in others.items():
        one["distributions"] = known.get(name) or [WELL_KNOWN.get(name, name)]
    return list(scan.found.values())

"""Dangerous-looking code in a module, with lines. Warnings for people: the sandbox holds whether it is found or not."""

import ast
import posixpath
import re

from _qflow_imports import dotted

MOST = 200

PROGRAMS = re.compile(r"^(subprocess\.(run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|os\.(system|popen|"
                      r"exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)|pty\.spawn|asyncio\.create_subprocess_(exec|shell))$")  # fmt: skip
NETWORK_MODULES = {"socket", "ssl", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "requests",
                   "httpx", "aiohttp", "urllib3", "websockets", "paramiko", "boto3", "psycopg2", "pymysql", "redis", "pymongo"}  # fmt: skip
# Parts of these modules that need no network.
HARMLESS = {"urllib.parse", "urllib.error", "http.HTTPStatus", "http.cookies"}
FILE_ACTS = {"os.remove", "os.unlink", "os.rmdir", "os.mkdir", "os.makedirs", "os.rename", "os.replace", "os.chmod", "os.chown",
             "os.symlink", "os.link", "os.truncate", "shutil.rmtree", "shutil.copy", "shutil.copyfile", "shutil.move"}  # fmt: skip
PATH_ACTS = ("write_text", "write_bytes", "unlink", "mkdir", "touch", "rmdir", "open")
WRITABLE = ("/tmp", "/dev/shm", "/node", "/dev/null", "/dev/stdout", "/dev/stderr")


class Suspicions(ast.NodeVisitor):
    """Findings with lines. `needs`: the policy setting with which it is not a finding ("programs", "network")."""

    def __init__(self, aliases):
        self.aliases = aliases
        self.found = []
        self.own = []  # names that the node itself defines, scope by scope

    def add(self, node, code, message, needs=""):
        if len(self.found) < MOST:
            self.found.append({"code": code, "line": node.lineno, "message": message, "needs": needs})

    def full(self, name):
        first, _, rest = name.partition(".")
        if any(first in names for names in self.own):
            return ""
        known = self.aliases.get(first, first)
        return known + ("." + rest if rest else "")

    def visit_Module(self, node):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        self.own.append({one.name for one in node.body if isinstance(one, kinds)})
        self.generic_visit(node)
        self.own.pop()

    def visit_FunctionDef(self, node):
        a = node.args
        every = a.args + getattr(a, "posonlyargs", []) + a.kwonlyargs + [one for one in (a.vararg, a.kwarg) if one]
        self.own.append({one.arg for one in every})
        self.generic_visit(node)
        self.own.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Import(self, node):
        for alias in node.names:
            self.network(node, alias.name)

    def visit_ImportFrom(self, node):
        if node.module and not node.level:
            names = [node.module + "." + alias.name for alias in node.names]
            if node.module not in HARMLESS and not all(name in HARMLESS for name in names):
                self.network(node, node.module)

    def network(self, node, name):
        if name.split(".")[0] in NETWORK_MODULES and name not in HARMLESS:
            self.add(node, "uses_network", "imports %s, but the network is off for this node" % name, "network")

    def visit_Call(self, node):
        name = self.full(dotted(node.func))
        if PROGRAMS.match(name):
            self.add(node, "starts_program", "%s starts a program, which this node's sandbox refuses" % name, "programs")
        elif name in ("eval", "exec"):
            self.add(node, "evaluates_text", "%s runs text as code; ast.literal_eval reads data without running it" % name)
        elif name in ("pickle.load", "pickle.loads", "marshal.loads", "shelve.open", "dill.loads", "cloudpickle.loads"):
            self.add(node, "unpickles", "%s runs code that its input names; use JSON for data from elsewhere" % name)
        elif name == "yaml.load" and not any(k.arg == "Loader" for k in node.keywords):
            self.add(node, "unpickles", "yaml.load without a Loader can run code; use yaml.safe_load")
        self.files(node, name)
        self.generic_visit(node)

    def files(self, node, name):
        path = argument(node, 0, "file")
        writes = False
        if name in ("open", "io.open"):
            writes = for_writing(argument(node, 1, "mode"))
        elif name in FILE_ACTS:
            writes = True
            if name in ("shutil.copy", "shutil.copyfile") and len(node.args) > 1:
                path = literal(node.args[1])
        elif isinstance(node.func, ast.Attribute) and node.func.attr in PATH_ACTS:
            target = node.func.value
            if isinstance(target, ast.Call) and self.full(dotted(target.func)).rsplit(".", 1)[-1] in ("Path", "PosixPath") and target.args:
                path = literal(target.args[0])
                writes = node.func.attr != "open" or for_writing(argument(node, 0, "mode"))
        if writes and isinstance(path, str) and self.outside(path):
            self.add(node, "writes_outside", "writes to %r, but a node may write only below its own directory, /tmp and /dev/shm" % path[:200])

    @staticmethod
    def outside(path):
        path = posixpath.normpath(path)
        if path.startswith("/"):
            return not any(path == root or path.startswith(root + "/") for root in WRITABLE)
        return path.split("/")[0] == ".."


def argument(node, position, name):
    """The value that a call gives a parameter, if it is a literal."""
    for keyword in node.keywords:
        if keyword.arg == name:
            return literal(keyword.value)
    return literal(node.args[position]) if len(node.args) > position else None


def for_writing(mode):
    return isinstance(mode, str) and any(c in mode for c in "wax+")


def literal(node):
    return node.value if isinstance(node, ast.Constant) else None

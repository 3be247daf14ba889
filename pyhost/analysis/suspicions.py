"""What looks dangerous in a module, with its lines. Warnings for people: the sandbox holds whatever is found or not."""

import ast
import re

from _qflow_imports import dotted

MOST = 200

PROGRAMS = re.compile(r"^(subprocess\.(run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|os\.(system|popen|"
                      r"exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)|pty\.spawn|asyncio\.create_subprocess_(exec|shell))$")  # fmt: skip
NETWORK_MODULES = {"socket", "ssl", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "requests",
                   "httpx", "aiohttp", "urllib3", "websockets", "paramiko", "boto3", "psycopg2", "pymysql", "redis", "pymongo"}  # fmt: skip
# Parts of those that need no network.
HARMLESS = {"urllib.parse", "urllib.error", "http.HTTPStatus", "http.cookies"}
FILE_ACTS = {"os.remove", "os.unlink", "os.rmdir", "os.mkdir", "os.makedirs", "os.rename", "os.replace", "os.chmod", "os.chown",
             "os.symlink", "os.link", "os.truncate", "shutil.rmtree", "shutil.copy", "shutil.copyfile", "shutil.move"}  # fmt: skip
WRITABLE = ("/tmp", "/dev/shm", "/node", "/dev/null", "/dev/stdout", "/dev/stderr")


class Suspicions(ast.NodeVisitor):
    """Findings with lines. `needs`: what of the sandbox's policy would make it no finding ("programs", "network")."""

    def __init__(self, aliases):
        self.aliases = aliases
        self.found = []

    def add(self, node, code, message, needs=""):
        if len(self.found) < MOST:
            self.found.append({"code": code, "line": node.lineno, "message": message, "needs": needs})

    def full(self, name):
        first, _, rest = name.partition(".")
        known = self.aliases.get(first, first)
        return known + ("." + rest if rest else "")

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
            self.add(node, "unpickles", "%s runs code that its input names; read JSON where the data comes from elsewhere" % name)
        elif name == "yaml.load" and not any(k.arg == "Loader" for k in node.keywords):
            self.add(node, "unpickles", "yaml.load without a Loader can run code; use yaml.safe_load")
        self.files(node, name)
        self.generic_visit(node)

    def files(self, node, name):
        path = literal(node.args[0]) if node.args else None
        writes = False
        if name in ("open", "io.open"):
            mode = literal(node.args[1]) if len(node.args) > 1 else None
            for keyword in node.keywords:
                if keyword.arg == "mode":
                    mode = literal(keyword.value)
            writes = isinstance(mode, str) and any(c in mode for c in "wax+")
        elif name in FILE_ACTS:
            writes = True
            if name in ("shutil.copy", "shutil.copyfile") and len(node.args) > 1:
                path = literal(node.args[1])
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("write_text", "write_bytes", "unlink", "mkdir", "touch", "rmdir"):
            target = node.func.value
            if isinstance(target, ast.Call) and self.full(dotted(target.func)).rsplit(".", 1)[-1] in ("Path", "PosixPath") and target.args:
                path, writes = literal(target.args[0]), True
        if writes and isinstance(path, str) and self.outside(path):
            self.add(node, "writes_outside", "writes to %r, but a node may write below its own directory, /tmp and /dev/shm only" % path[:200])

    @staticmethod
    def outside(path):
        if path.startswith("/"):
            return not any(path == root or path.startswith(root + "/") for root in WRITABLE)
        return path.split("/")[0] == ".."


def literal(node):
    return node.value if isinstance(node, ast.Constant) else None

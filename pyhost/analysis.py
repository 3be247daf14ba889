"""What a node's source says without being run: functions, classes, imports, docstrings, and what looks dangerous.

pyhost carries this text and runs it in a worker that describes a node (see describe.cpp); it is Python because Python's
own parser is. It works on every Python from 3.8 on, imports nothing but the standard library, and runs before any code of
the node does.
"""

import ast
import importlib.util
import re
import sys

MOST = 200  # functions, classes, fields, imports, findings: what a description holds of each
MOST_TEXT = 2000

# Where the name that is imported is not the name that is installed.
WELL_KNOWN = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "PyMuPDF", "git": "GitPython",
    "google": "google-api-python-client", "igraph": "python-igraph", "jose": "python-jose", "jwt": "PyJWT",
    "kafka": "kafka-python", "Levenshtein": "python-Levenshtein", "ldap": "python-ldap", "lxml": "lxml", "magic": "python-magic",
    "MySQLdb": "mysqlclient", "OpenSSL": "pyOpenSSL", "pkg_resources": "setuptools", "PIL": "Pillow", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "pydantic_settings": "pydantic-settings", "pymysql": "PyMySQL", "pyspark": "pyspark",
    "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify",
    "telegram": "python-telegram-bot", "umap": "umap-learn", "usb": "pyusb", "win32api": "pywin32", "yaml": "PyYAML",
    "zmq": "pyzmq",
}  # fmt: skip


# --- docstrings -------------------------------------------------------------------------------------------------------

GOOGLE_SECTION = re.compile(r"^(Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Attributes|Keyword Args|"
                            r"Keyword Arguments|Other Parameters|Examples?|Notes?|See Also|Warns|References|Todo):\s*(.*)$")  # fmt: skip
NUMPY_RULE = re.compile(r"^-{3,}\s*$")
GOOGLE_ITEM = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\)+)?\s*:\s*(.*)$")
NUMPY_ITEM = re.compile(r"^\*{0,2}(\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
REST_FIELD = re.compile(r"^:(param|parameter|arg|argument|key|keyword|ivar|var|type|returns?|rtype|yields?|raises?)"
                        r"(?:\s+([^:]*?))?\s*:\s*(.*)$")  # fmt: skip


def dedented(text):
    """inspect.cleandoc, without importing inspect."""
    lines = text.expandtabs().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    lines = [lines[0].strip()] + [line[margin:].rstrip() for line in lines[1:]] if lines else []
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def joined(lines):
    return " ".join(" ".join(lines).split())[:MOST_TEXT]


def indent_of(line):
    return len(line) - len(line.lstrip())


class Docstring:
    """The parts of a docstring in Google's, NumPy's or reST's style, whichever it is written in."""

    def __init__(self, text):
        self.parameters, self.returns = {}, ""
        lines = dedented(text[: 100 * MOST_TEXT]) if isinstance(text, str) else []
        end = self.read_sections(lines)
        body = lines[:end]
        paragraphs = "\n".join(body).split("\n\n")
        self.summary = joined(paragraphs[0].splitlines()) if paragraphs else ""
        self.description = "\n\n".join(joined(p.splitlines()) for p in paragraphs[1:] if p.strip())[:MOST_TEXT]

    def read_sections(self, lines):
        """Takes what the sections say; where the first of them begins."""
        end = len(lines)
        i = 0
        while i < len(lines):
            google = GOOGLE_SECTION.match(lines[i])
            if REST_FIELD.match(lines[i]):
                end = min(end, i)
                i = self.read_field(lines, i)
            elif google and (google.group(2) or (i + 1 < len(lines) and (not lines[i + 1] or indent_of(lines[i + 1]) > 0))):
                end = min(end, i)
                i = self.read_google(lines, i, google)
            elif i + 1 < len(lines) and NUMPY_RULE.match(lines[i + 1]) and lines[i].strip():
                end = min(end, i)
                i = self.read_numpy(lines, i)
            else:
                i += 1
        return end

    def read_field(self, lines, i):
        field = REST_FIELD.match(lines[i])
        text = [field.group(3)]
        i += 1
        while i < len(lines) and (indent_of(lines[i]) > 0 and lines[i].strip()):
            text.append(lines[i])
            i += 1
        what = field.group(1)
        if what in ("param", "parameter", "arg", "argument", "key", "keyword"):
            names = (field.group(2) or "").split()
            if names:
                self.parameters[names[-1].lstrip("*")] = joined(text)
        elif what in ("return", "returns", "yield", "yields"):
            self.returns = joined(text)
        return i

    def read_google(self, lines, i, section):
        title, first = section.group(1), section.group(2)
        i += 1
        block = [first] if first else []
        while i < len(lines) and (not lines[i].strip() or indent_of(lines[i]) > 0):
            block.append(lines[i])
            i += 1
        if title in ("Args", "Arguments", "Parameters", "Params", "Keyword Args", "Keyword Arguments", "Other Parameters"):
            self.read_items(block, GOOGLE_ITEM)
        elif title in ("Return", "Returns", "Yield", "Yields"):
            self.returns = re.sub(r"^[\w\[\], .|]+:\s+", "", joined(block))
        return i

    def read_items(self, block, pattern):
        level = min((indent_of(line) for line in block if line.strip()), default=0)
        name, text = None, []
        for line in block + [" " * level + "\0"]:
            if line.strip() and indent_of(line) <= level:
                if name:
                    self.parameters[name] = joined(text)
                item = pattern.match(line.strip())
                name, text = (item.group(1), [item.group(2)]) if item else (None, [])
            elif line.strip():
                text.append(line)

    def read_numpy(self, lines, i):
        title = lines[i].strip()
        i += 2
        block = []
        while i < len(lines) and not (i + 1 < len(lines) and lines[i].strip() and NUMPY_RULE.match(lines[i + 1])):
            block.append(lines[i])
            i += 1
        if title in ("Parameters", "Other Parameters", "Keyword Arguments"):
            names, text = [], []
            for line in block + ["\0"]:
                if line.strip() and indent_of(line) == 0:
                    for name in names:
                        self.parameters[name] = joined(text)
                    item = NUMPY_ITEM.match(line.strip())
                    names = [n.strip().lstrip("*") for n in item.group(1).split(",")] if item else []
                    text = []
                elif line.strip():
                    text.append(line)
        elif title in ("Returns", "Yields"):
            indented = [line for line in block if indent_of(line) > 0]
            self.returns = joined(indented or block)
        return i


def read_docstring(text):
    """(summary, description, {parameter: text}, what is said of the result)"""
    doc = Docstring(text)
    return doc.summary, doc.description, doc.parameters, doc.returns


# --- functions and classes --------------------------------------------------------------------------------------------


def is_json(value, depth=0):
    if value is None or isinstance(value, (bool, str)):
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, float):
        return value == value and value not in (float("inf"), float("-inf"))
    if isinstance(value, list):
        return depth < 20 and all(is_json(one, depth + 1) for one in value)
    return isinstance(value, dict) and depth < 20 and all(
        isinstance(key, str) and is_json(one, depth + 1) for key, one in value.items())  # fmt: skip


class Reader:
    """Describes the top level of one module."""

    def __init__(self, source):
        # Offsets count bytes; ast.get_source_segment would split the whole text again for every piece.
        self.lines = source.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
        self.tree = ast.parse(source)
        self.aliases = {}

    def text(self, node):
        if node is None or node.end_lineno is None:
            return ""
        first, last = node.lineno - 1, node.end_lineno - 1
        if first == last:
            piece = self.lines[first][node.col_offset : node.end_col_offset]
        else:
            middle = self.lines[first + 1 : last]
            piece = b"\n".join([self.lines[first][node.col_offset :], *middle, self.lines[last][: node.end_col_offset]])
        return piece.decode(errors="replace")[:MOST_TEXT]

    def annotation(self, node):
        # The content of a quoted annotation is the annotation.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value[:MOST_TEXT]
        return " ".join(self.text(node).split())

    def default(self, node, into):
        if node is None:
            return
        into["default_text"] = self.text(node)[:200]
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return
        if is_json(value):
            into["default"] = value

    def function(self, node):
        arguments = node.args
        doc = Docstring(ast.get_docstring(node, clean=False) or "")
        parameters = []
        positional = [(a, "positional") for a in arguments.posonlyargs] + [(a, "either") for a in arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        keyword = zip(((a, "keyword") for a in arguments.kwonlyargs), arguments.kw_defaults)
        for (argument, kind), default in list(zip(positional, defaults)) + list(keyword):
            one = {"name": argument.arg, "kind": kind, "required": default is None,
                   "type": self.annotation(argument.annotation), "description": doc.parameters.get(argument.arg, "")}  # fmt: skip
            self.default(default, one)
            parameters.append(one)
        own = list(own_nodes(node))
        return {
            "name": node.name, "line": node.lineno, "summary": doc.summary, "description": doc.description,
            "parameters": parameters[:MOST], "returns": self.annotation(node.returns), "returns_description": doc.returns,
            "var_positional": arguments.vararg is not None, "var_keyword": arguments.kwarg is not None,
            "is_async": isinstance(node, ast.AsyncFunctionDef),
            "is_generator": any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own),
        }  # fmt: skip

    def form(self, node):
        names = [self.text(d.func if isinstance(d, ast.Call) else d).rsplit(".", 1)[-1] for d in node.decorator_list]
        if "dataclass" in names:
            return "dataclass"
        for base in node.bases:
            name = self.text(base.value if isinstance(base, ast.Subscript) else base).rsplit(".", 1)[-1]
            known = {"TypedDict": "typed_dict", "NamedTuple": "named_tuple", "Protocol": "protocol", "BaseModel": "model",
                     "Enum": "enum", "IntEnum": "enum", "StrEnum": "enum", "Flag": "enum", "IntFlag": "enum"}  # fmt: skip
            if name in known:
                return known[name]
        return "plain"

    def klass(self, node):
        form = self.form(node)
        total = not any(k.arg == "total" and isinstance(k.value, ast.Constant) and k.value.value is False for k in node.keywords)
        fields, members = [], []
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                written = self.annotation(line.annotation)
                required = line.value is None and total
                if re.match(r"(\w+\.)?NotRequired\[", written):
                    required = False
                elif re.match(r"(\w+\.)?Required\[", written):
                    required = True
                one = {"name": line.target.id, "type": written, "required": required}
                self.default(line.value, one)
                one.pop("default_text", None)
                if not re.match(r"(\w+\.)?ClassVar\b", written):
                    fields.append(one)
            elif form == "enum" and isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                try:
                    value = ast.literal_eval(line.value)
                except ValueError:
                    value = None
                members.append([line.targets[0].id, value if is_json(value) else None])
        return {"form": form, "fields": fields[:MOST], "members": members[:MOST],
                "bases": [self.text(base) for base in node.bases][:20],
                "description": Docstring(ast.get_docstring(node, clean=False) or "").summary}  # fmt: skip

    def named_type(self, value):
        """The type that `NewType("UserId", int)`, `Dict[str, int]` or `int | None` gives a name to; "" for any other value."""
        if isinstance(value, ast.Call) and self.text(value.func).rsplit(".", 1)[-1] == "NewType" and len(value.args) == 2:
            return self.annotation(value.args[1])
        union = isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)
        return self.annotation(value) if union or isinstance(value, ast.Subscript) else ""

    def read(self):
        functions, classes = [], {}
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                functions.append(self.function(node))
            elif isinstance(node, ast.ClassDef):
                classes[node.name] = self.klass(node)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                base = self.named_type(node.value)
                if base:
                    classes[node.targets[0].id] = {"form": "new_type", "base": base}
            elif type(node).__name__ == "TypeAlias":  # PEP 695
                classes[node.name.id] = {"form": "new_type", "base": self.annotation(node.value)}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.aliases[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    self.aliases[alias.asname or alias.name] = node.module + "." + alias.name
        # The last definition of a name is the one that counts.
        last = {f["name"]: f for f in functions}
        return {"functions": [f for f in functions if last[f["name"]] is f][:MOST],
                "classes": dict(list(classes.items())[:MOST]), "aliases": dict(list(self.aliases.items())[:MOST])}  # fmt: skip


def own_nodes(function):
    """The nodes of a function without those of functions in it."""
    todo = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


# --- imports ----------------------------------------------------------------------------------------------------------


class ImportScan(ast.NodeVisitor):
    """Every import, wherever it stands; whether the code can do without it."""

    def __init__(self):
        self.found = {}
        self.guarded = 0

    def add(self, name, line):
        top = name.split(".")[0]
        known = self.found.get(top)
        if known is None:
            if len(self.found) < MOST:
                self.found[top] = {"module": top, "line": line, "optional": self.guarded > 0}
        elif not self.guarded:
            known["optional"] = False

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

    def visit_Try(self, node):
        caught = [dotted(t) for h in node.handlers for t in (h.type.elts if isinstance(h.type, ast.Tuple) else [h.type])]
        guards = any(c in (None, "", "ImportError", "ModuleNotFoundError", "Exception", "BaseException") for c in caught)
        self.guarded += guards
        for line in node.body:
            self.visit(line)
        for handler in node.handlers:
            for line in handler.body:
                self.visit(line)
        self.guarded -= guards
        for line in node.orelse + node.finalbody:
            self.visit(line)


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
    """{top-level module: distributions that have it}, from the metadata of what is installed here."""
    from importlib import metadata

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


# --- what looks dangerous ---------------------------------------------------------------------------------------------


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


# --- all of it --------------------------------------------------------------------------------------------------------


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

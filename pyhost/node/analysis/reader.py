"""The functions, classes and names at the top level of a module, from its text."""

import ast
import re

from _qflow_docstrings import Docstring

MOST = 200  # a description's limit for each of functions, classes, fields
MOST_TEXT = 2000


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
        self.forms = {}  # of the classes so far

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
            "positional_type": self.annotation(arguments.vararg and arguments.vararg.annotation),
            "named_type": self.annotation(arguments.kwarg and arguments.kwarg.annotation),
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
            if self.forms.get(name) in ("typed_dict", "enum", "model", "protocol"):
                return self.forms[name]
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
        """The type that `NewType("UserId", int)`, `Dict[str, int]` or `int | None` names; "" for any other value."""
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
                self.forms[node.name] = classes[node.name]["form"]
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
        # Only the last definition of a name counts.
        last = {f["name"]: f for f in functions}
        return {"functions": [f for f in functions if last[f["name"]] is f][:MOST],
                "classes": dict(list(classes.items())[:MOST]), "aliases": dict(list(self.aliases.items())[:MOST])}  # fmt: skip


def own_nodes(function):
    """The AST nodes of a function, without those of nested functions."""
    todo = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))

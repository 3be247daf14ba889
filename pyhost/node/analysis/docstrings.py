"""Docstrings in Google's, NumPy's and reST's style."""

import re

MOST_TEXT = 2000

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
        """Reads the sections; returns the line where the first of them begins."""
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
    """(summary, description, {parameter: text}, description of the result)"""
    doc = Docstring(text)
    return doc.summary, doc.description, doc.parameters, doc.returns

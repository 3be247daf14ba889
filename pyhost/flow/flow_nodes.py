"""The nodes of flow: what each does with the values that it is given.

The zygote executes this module once, before it forks, so that no execution pays for it. Each class is one node type:
made from the node's parameters, then run with the names that its expressions may use. run() returns an Answer.
Expressions are compiled when a node is loaded: one that is not Python is refused before anything runs.
"""

import builtins

MOST_ITEMS = 1_000_000

# compile_expression(text, file) is put here by flow_nodes.cpp: compile() makes the types of ast first, which takes
# milliseconds.


class Answer:
    """What a node of flow hands on: `value` for the nodes after it, one element for each output where there are
    several; `live`, the outputs that carry one (None: its only one); `shown`, what the record shows (nothing where
    `brief`); `left`, how often a loop will certainly go on after this."""

    __slots__ = ("value", "shown", "live", "left", "brief")

    def __init__(self, value, shown, live=None, left=None, brief=False):
        self.value = value
        self.shown = shown
        self.live = live
        self.left = left
        self.brief = brief


def only(width, output, value):
    values = [None] * width
    values[output] = value
    return Answer(tuple(values), value, [output])


class Expression:
    """A Python expression of the node's parameters, found there at `where`."""

    def __init__(self, text, where, file):
        text = text.strip()
        try:
            try:
                self.code = compile_expression(text, file)
            except SyntaxError:
                if "\n" not in text:
                    raise
                self.code = compile_expression("(" + text + "\n)", file)
        except SyntaxError as error:
            error.msg = f"parameters/{where}: {error.msg}"
            raise
        except ValueError as error:  # a null character
            raise SyntaxError(f"parameters/{where}: {error}") from None

    def __call__(self, names):
        return eval(self.code, {"__builtins__": builtins, **names})

    def holds(self, names):
        return bool(self(names))


class Execution:
    """What `execution` is in expressions."""

    def __init__(self, facts):
        self.id = facts.get("id", "")
        self.workflow = facts.get("workflow", "")
        self.mode = facts.get("mode", "")
        self.resume_url = facts.get("resume_url", "")
        self._started = facts.get("started", 0)

    @property
    def started(self):
        from datetime import datetime, timezone

        return datetime.fromtimestamp(self._started / 1e6, timezone.utc)


def is_table(value):
    return hasattr(value, "iloc") and hasattr(value, "columns")


def type_name(value):
    return type(value).__qualname__


class If:
    def __init__(self, parameters, outputs, file):
        self.condition = Expression(parameters["condition"], "condition", file)

    def run(self, names):
        return only(2, 0 if self.condition.holds(names) else 1, names["value"])


class Switch:
    def __init__(self, parameters, outputs, file):
        self.outputs = outputs
        self.all = parameters.get("all_matches", False)
        self.value = None
        if parameters.get("value") is not None:
            self.value = Expression(parameters["value"], "value", file)
            return
        self.rules = [
            Expression(rule["when"], f"rules/{at}/when", file) for at, rule in enumerate(parameters["rules"])
        ]

    def chosen(self, names):
        last = len(self.outputs) - 1
        if self.value is not None:
            result = self.value(names)
            name = str(result).lower() if isinstance(result, bool) else str(result)
            return [self.outputs.index(name)] if name in self.outputs[:last] else [last]
        found = []
        for at, rule in enumerate(self.rules):
            if rule.holds(names):
                found.append(at)
                if not self.all:
                    break
        return found or [last]

    def run(self, names):
        live = self.chosen(names)
        value = names["value"]
        return Answer(tuple(value if at in live else None for at in range(len(self.outputs))), value, live)


class Filter:
    def __init__(self, parameters, outputs, file):
        self.condition = Expression(parameters["condition"], "condition", file)

    def run(self, names):
        value = names["value"]
        if is_table(value):
            mask = self.condition(names)
            kept, discarded = value[mask], value[~mask]
        else:
            if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
                raise TypeError(f"qflow.filter takes a list or a table, not {type_name(value)}")
            kept, discarded = [], []
            for index, item in enumerate(value):
                names["item"], names["index"] = item, index
                (kept if self.condition.holds(names) else discarded).append(item)
        return Answer((kept, discarded), {"kept": kept, "discarded": discarded}, [0, 1])


class Merge:
    def __init__(self, parameters, outputs, file):
        self.mode = parameters.get("mode", "first")
        self.on = parameters.get("on")
        self.how = parameters.get("how", "inner")

    def run(self, names):
        inputs = names["inputs"]
        merged = getattr(self, self.mode)(inputs)
        return Answer(merged, merged)

    def first(self, inputs):
        return next(iter(inputs.values()))

    def list(self, inputs):
        return list(inputs.values())

    def dict(self, inputs):
        return dict(inputs)

    def concat(self, inputs):
        values = list(inputs.values())
        if all(is_table(value) for value in values):
            import pandas

            return pandas.concat(values, ignore_index=True)
        out = []
        for name, value in inputs.items():
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"concat takes lists, or tables only; input '{name}' is {type_name(value)}")
            out.extend(value)
        return out

    def zip(self, inputs):
        sizes = {}
        for name, value in inputs.items():
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"zip takes lists; input '{name}' is {type_name(value)}")
            sizes[name] = len(value)
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"'{name}' {size}" for name, size in sizes.items())
            raise ValueError(f"zip takes lists of the same length; these have: {said}")
        return [list(together) for together in zip(*inputs.values())]

    def join(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"join takes two inputs; {len(inputs)} carry a value")
        left, right = inputs.values()
        if is_table(left) and is_table(right):
            return left.merge(right, on=self.on, how=self.how)
        on = [self.on] if isinstance(self.on, str) else self.on
        for name, rows in inputs.items():
            if not isinstance(rows, (list, tuple)) or not all(isinstance(row, dict) for row in rows):
                raise TypeError(f"join takes tables or lists of dicts; input '{name}' is {type_name(rows)}")
            for at, row in enumerate(rows):
                for key in on:
                    if key not in row:
                        raise KeyError(f"row {at} of input '{name}' has no '{key}'")
        return joined(left, right, on, self.how)


def joined(left, right, on, how):
    """As pandas' merge: columns of both that are no keys get the suffixes _x and _y; missing ones are None."""
    key_of = lambda row: tuple(row[key] for key in on)
    by_key = {}
    for row in right:
        by_key.setdefault(key_of(row), []).append(row)
    columns = lambda rows: list(dict.fromkeys(name for row in rows for name in row if name not in on))
    names = columns(left), columns(right)
    both = set(names[0]) & set(names[1])

    def make(key, a, b):
        out = dict(zip(on, key))
        for suffix, row, own in (("_x", a, names[0]), ("_y", b, names[1])):
            for name in own:
                out[name + suffix if name in both else name] = None if row is None else row.get(name)
        return out

    out, met = [], set()
    for row in left:
        key = key_of(row)
        matches = by_key.get(key, [])
        met.add(key)
        out.extend(make(key, row, other) for other in matches)
        if not matches and how in ("left", "outer"):
            out.append(make(key, row, None))
    if how in ("right", "outer"):
        out.extend(make(key, None, row) for key, rows in by_key.items() if key not in met for row in rows)
    return out


class Set:
    def __init__(self, parameters, outputs, file):
        self.fields = {
            name: Expression(text, f"fields/{name}", file) for name, text in parameters.get("fields", {}).items()
        }
        self.keep = parameters.get("keep", "all")

    def run(self, names):
        value = names["value"]
        fields = {name: expression(names) for name, expression in self.fields.items()}
        if is_table(value):
            kept = value if self.keep == "all" else value[[] if self.keep == "none" else list(self.keep)]
            made = kept.assign(**fields)
        else:
            if self.keep == "none":
                made = {}
            elif not isinstance(value, dict):
                raise TypeError(f"qflow.set keeps fields of a dict or a table, not of {type_name(value)}; keep none")
            elif self.keep == "all":
                made = dict(value)
            else:
                made = {name: value[name] for name in self.keep if name in value}
            made.update(fields)
        return Answer(made, made)


class ForEach:
    """One answer for each item, or batch of them, with output 1; then all results with output 0."""

    def __init__(self, parameters, outputs, file):
        self.batch = parameters.get("batch", 1)
        self.most = parameters.get("max_items")
        self.collects = parameters.get("on_error", "stop") == "collect"
        self.item, self.index = None, None

    def all_of(self, items):
        if is_table(items):
            if self.batch > 1:
                return [items.iloc[at : at + self.batch] for at in range(0, len(items), self.batch)]
            return items.to_dict("records")
        if isinstance(items, (str, bytes, dict)) or not hasattr(items, "__iter__"):
            hint = "; list(value.items()) gives its pairs" if isinstance(items, dict) else ""
            raise TypeError(f"qflow.for_each takes a list or a table, not {type_name(items)}{hint}")
        if not isinstance(items, list):
            most = self.most or MOST_ITEMS
            listed = []
            for one in items:
                if len(listed) == most:
                    raise ValueError(f"more than {most} items (max_items)")
                listed.append(one)
            items = listed
        if self.batch > 1:
            return [items[at : at + self.batch] for at in range(0, len(items), self.batch)]
        return items

    def run(self, names):
        self.items = self.all_of(names["value"])
        most = self.most or MOST_ITEMS
        if len(self.items) > most:
            raise ValueError(f"{len(self.items)} items, where {most} are allowed (max_items)")
        self.results = []
        self.found = {}
        self.at = -1
        return self.go_on()

    def go_to(self, names, at):
        """In a branch, which takes some of the rounds: keeps the result of the one before and goes to item `at`, or (-1)
        to none. In the worker, at -1: all results, which the branches have found."""
        inputs = names["inputs"]
        if "error" in inputs:
            self.found[self.index] = {"error": inputs["error"], "item": self.item}
        elif "result" in inputs:
            self.found[self.index] = inputs["result"]
        if at >= 0:
            self.item, self.index = self.items[at], at
            return Answer((None, self.item), self.item, [1], 0, True)
        results = [self.found[index] for index in sorted(self.found)]
        self.item = None
        return Answer((results, None), results, [0])

    def go_on(self):
        self.at += 1
        if self.at >= len(self.items):
            results, self.items, self.results, self.item = self.results, [], [], None
            return Answer((results, None), results, [0])
        self.item, self.index = self.items[self.at], self.at
        return Answer((None, self.item), self.item, [1], len(self.items) - 1 - self.at, True)

    def again(self, names):
        inputs = names["inputs"]
        if "error" in inputs:
            self.results.append({"error": inputs["error"], "item": self.item})
        elif "result" in inputs:
            self.results.append(inputs["result"])
        return self.go_on()


class While:
    """Output 1 as long as the condition holds, then the last value with output 0."""

    def __init__(self, parameters, outputs, file):
        self.condition = Expression(parameters["condition"], "condition", file)
        self.most = parameters.get("max_iterations", 1000)
        self.item, self.index = None, None

    def run(self, names):
        self.item, self.index = names["value"], 0
        return self.decide(names)

    def decide(self, names):
        names["value"] = names["item"] = self.item
        names["index"] = self.index
        if not self.condition.holds(names):
            return self.done()
        if self.index >= self.most:
            raise RuntimeError(f"its condition still holds after {self.most} rounds (max_iterations)")
        return Answer((None, self.item), self.item, [1], 0, True)

    def done(self):
        value, self.item = self.item, None
        return Answer((value, None), value, [0])

    def again(self, names):
        inputs = names["inputs"]
        if "next" not in inputs:
            return self.done()
        self.item = inputs["next"]
        self.index += 1
        return self.decide(names)


class Wait:
    """The daemon waits, then calls. What came with the call that ended the waiting goes along with the value."""

    def __init__(self, parameters, outputs, file):
        pass

    def run(self, names):
        inputs = names["inputs"]
        value = next((one for port, one in inputs.items() if port != "came"), None)
        if "came" in inputs:
            value = {"value": value, **inputs["came"]}
        return Answer(value, value)


class Workflow:
    """The daemon runs the other workflow, with this value as its input."""

    def __init__(self, parameters, outputs, file):
        pass

    def run(self, names):
        return Answer(names["value"], names["value"])


class Respond:
    """The daemon sends this to the webhook's caller."""

    def __init__(self, parameters, outputs, file):
        self.status = parameters.get("status", 200)
        self.headers = parameters.get("headers") or {}
        body = parameters.get("body")
        self.body = None if body is None else Expression(body, "body", file)

    def run(self, names):
        body = names["value"] if self.body is None else self.body(names)
        answer = {"status": self.status, "headers": self.headers, "body": body}
        return Answer(answer, answer)


class Stop:
    """The daemon ends the execution by itself."""

    def __init__(self, parameters, outputs, file):
        pass


NODES = {
    "qflow.if": If,
    "qflow.switch": Switch,
    "qflow.filter": Filter,
    "qflow.merge": Merge,
    "qflow.set": Set,
    "qflow.for_each": ForEach,
    "qflow.while": While,
    "qflow.wait": Wait,
    "qflow.workflow": Workflow,
    "qflow.respond": Respond,
    "qflow.stop": Stop,
}


def make(said, file):
    """The node that `said` describes: {type, parameters, outputs}."""
    return NODES[said["type"]](said["parameters"], said["outputs"], file)


def run(node, inputs, again, loop, facts, at):
    """Its answer to `inputs` (by port, in order). `loop`: the loop around it, or None. `at`: of a loop in a branch, the
    item that it goes to."""
    names = {"value": next(iter(inputs.values()), None), "inputs": inputs, "item": None, "index": None}
    if loop is not None:
        names["item"], names["index"] = loop.item, loop.index
    names["execution"] = facts
    if at is not None:
        return node.go_to(names, at)
    return node.again(names) if again else node.run(names)

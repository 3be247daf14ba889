#!/usr/bin/env python3
"""Random workflows against a model of the rules of flow. See README.md."""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

LIVE, DEAD, LOST = "live", "dead", "lost"
WORD = {LIVE: "completed", DEAD: "skipped", LOST: "skipped"}


class Failed(Exception):
    pass


class Maker:
    """Makes a graph block by block; a source is (node, output)."""

    def __init__(self, random_source):
        self.random = random_source
        self.nodes = []
        self.edges = []  # (from, output, to, input)

    def add(self, kind, sources, **more):
        node = {"id": f"n{len(self.nodes)}", "kind": kind, "body": [], **more}
        self.nodes.append(node)
        for at, (source, output) in enumerate(sources):
            self.edges.append((source["id"], output, node["id"], 0 if kind in ("for_each", "while") else at))
        return node

    def pick(self, sources, most=3):
        return self.random.sample(sources, min(len(sources), self.random.randint(1, most)))

    def number(self, sources, of_all=False):
        """A source whose value is a number."""
        fails = self.random.random() < 0.06
        node = self.add("code", sources if of_all else self.pick(sources), plus=self.random.randint(0, 9), fails=fails)
        return (node, 0)

    def block(self, sources, depth, size):
        """Adds nodes; returns the sources that may be used after it, all of them numbers."""
        sources = list(sources)
        for _ in range(size):
            what = self.random.random()
            if what < 0.35 or not sources:
                sources.append(self.number(sources) if sources else (self.add("code", [], plus=1, fails=False), 0))
            elif what < 0.55:
                node = self.add("if", self.pick(sources, 1), modulo=self.random.randint(2, 4))
                sources += [self.number([(node, 0)]), self.number([(node, 1)])]
            elif what < 0.65:
                node = self.add("switch", self.pick(sources, 1), all=self.random.random() < 0.5)
                sources += [self.number([(node, out)]) for out in range(3) if self.random.random() < 0.8]
            elif what < 0.75:
                sources.append((self.add("merge", self.pick(sources)), 0))
            elif what < 0.87 and depth > 0:
                items = self.add("items", self.pick(sources, 1))
                loop = self.add("for_each", [(items, 0)], collects=self.random.random() < 0.3)
                self.body(loop, sources, depth)
                sources.append((self.add("total", [(loop, 0)]), 0))
            elif depth > 0:
                loop = self.add("while", self.pick(sources, 1), limit=self.random.randint(5, 60))
                self.body(loop, sources, depth)
                sources.append(self.number([(loop, 0)]))
        return sources

    def body(self, loop, sources, depth):
        first = len(self.nodes)
        inner = self.block([(loop, 1)], depth - 1, self.random.randint(1, 3))
        inner = [one for one in inner if one[0] is not loop] or [self.number([(loop, 1)])]
        if self.random.random() < 0.4:  # a value from before the loop
            inner.append(self.number([self.random.choice(inner), self.random.choice(sources)], of_all=True))
        last = inner[-1]
        self.edges.append((last[0]["id"], last[1], loop["id"], 1))
        loop["body"] = [node["id"] for node in self.nodes[first:]]


def document(maker, parallel):
    nodes = []
    for node in maker.nodes:
        out = {"id": node["id"], "name": node["id"]}
        kind = node["kind"]
        if kind == "code":
            check = "    if s % 11 == 0: raise ValueError('eleven')\n" if node["fails"] else ""
            out["code"] = f"def f(*v):\n    s = sum(v) + {node['plus']}\n{check}    return s"
        elif kind == "items":
            out["code"] = "def f(x): return list(range(x % 5))"
        elif kind == "total":
            out["code"] = "def f(v): return sum(x for x in v if not isinstance(x, dict))"
        elif kind == "if":
            out.update(type="qflow.if", parameters={"condition": f"value % {node['modulo']} == 0"})
        elif kind == "switch":
            rules = [{"when": "value % 2 == 0", "name": "a"}, {"when": "value % 3 == 0", "name": "b"}]
            out.update(type="qflow.switch", parameters={"rules": rules, "all_matches": node["all"]})
        elif kind == "merge":
            out.update(type="qflow.merge", parameters={})
        elif kind == "for_each":
            out.update(type="qflow.for_each", parameters={"on_error": "collect" if node["collects"] else "stop"})
        else:
            out.update(type="qflow.while", parameters={"condition": f"value < {node['limit']} and index < 6"})
        nodes.append(out)
    edges = [
        {"source": {"nodeId": source, "output": output}, "target": {"nodeId": target, "input": entry}}
        for source, output, target, entry in maker.edges
    ]
    return {"name": "random", "nodes": nodes, "connections": edges, "settings": {"parallel": parallel}}


class Model:
    """The rules: a step starts when none of its edges is open and one is live; all dead: it is not taken; one lost: it
    cannot run."""

    def __init__(self, maker):
        self.nodes = {node["id"]: node for node in maker.nodes}
        self.edges = maker.edges
        self.state, self.value, self.runs, self.status = {}, {}, {}, {}
        self.failed = False

    def sources(self, node, closing=False):
        loop = self.nodes[node]["kind"] in ("for_each", "while")
        for source, output, target, entry in self.edges:
            if target == node and (loop and entry == 1) == closing:
                yield source, output

    def of(self, source, output):
        """The state of an edge and its value."""
        state = self.state.get(source, DEAD)
        if state != LIVE:
            return state, None
        value = self.value[source]
        if self.nodes[source]["kind"] in ("if", "switch", "for_each", "while"):
            return (LIVE, value[output]) if output in value else (DEAD, None)
        return LIVE, value

    def end(self, node, state, value=None, status=None):
        self.state[node], self.value[node] = state, value
        self.runs[node] = self.runs.get(node, 0) + 1
        self.status[node] = status or WORD[state]

    def skip(self, node, state):
        for one in [node] + self.nodes[node]["body"]:
            self.end(one, state)

    def run(self, members, collected):
        done = set()
        for node in members:
            if node in done:
                continue
            done.update([node] + self.nodes[node]["body"])
            edges = [self.of(*source) for source in self.sources(node)]
            states = [state for state, _ in edges]
            if LOST in states:
                self.skip(node, LOST)
            elif edges and LIVE not in states:
                self.skip(node, DEAD)
            else:
                self.step(node, [value for state, value in edges if state == LIVE], collected)

    def step(self, name, values, collected):
        node = self.nodes[name]
        kind = node["kind"]
        if kind == "code":
            total = sum(values) + node["plus"]
            if node["fails"] and total % 11 == 0:
                self.end(name, LOST, status="failed")
                if not collected:
                    self.failed = True
                return
            self.end(name, LIVE, total)
        elif kind == "items":
            self.end(name, LIVE, list(range(values[0] % 5)))
        elif kind == "total":
            self.end(name, LIVE, sum(one for one in values[0] if not isinstance(one, dict)))
        elif kind == "merge":
            self.end(name, LIVE, values[0])
        elif kind == "if":
            self.end(name, LIVE, {0 if values[0] % node["modulo"] == 0 else 1: values[0]})
        elif kind == "switch":
            hits = [at for at, by in enumerate((2, 3)) if values[0] % by == 0]
            hits = hits if node["all"] else hits[:1]
            self.end(name, LIVE, {at: values[0] for at in hits or [2]})
        else:
            self.loop(name, values[0], collected)

    def fails_in(self, loop, before):
        """Whether a node directly in the loop's body has failed since `before`, its runs then."""
        inner = {one for node in loop["body"] for one in self.nodes[node]["body"]}
        return any(
            self.status.get(one) == "failed" and self.runs[one] != before.get(one)
            for one in loop["body"]
            if one not in inner
        )

    def loop(self, name, value, collected):
        node = self.nodes[name]
        each = node["kind"] == "for_each"
        collects = each and node["collects"]
        items, results, index = list(value) if each else None, [], 0
        while True:
            if each and index == len(items):
                return self.end(name, LIVE, {0: results})
            if not each and not (value < node["limit"] and index < 6):
                return self.end(name, LIVE, {0: value})
            self.state[name], self.value[name] = LIVE, {1: items[index] if each else value}
            before = dict(self.runs)
            self.run(node["body"], collected or collects)
            state, result = self.of(*next(self.sources(name, closing=True)))
            if collects and self.fails_in(node, before):  # also beside what leads back
                state = LOST
            index += 1
            if state == LOST and not collects:
                return self.end(name, LOST, status="failed")
            if state == LOST:
                results.append({})
            elif state == LIVE and each:
                results.append(result)
            elif state == LIVE:
                value = result
            elif not each:
                return self.end(name, LIVE, {0: value})


def shown(model, name):
    """The value as a report shows it."""
    value, kind = model.value[name], model.nodes[name]["kind"]
    if kind in ("if", "switch", "for_each", "while"):
        value = next(iter(value.values()))
    return value


def without_errors(value):
    return [{} if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value


def compare(maker, report):
    if "nodes" not in report:
        return [f"refused: {report['error']}"]
    model = Model(maker)
    inside = {name for node in maker.nodes for name in node["body"]}
    model.run([node["id"] for node in maker.nodes if node["id"] not in inside], False)
    wrong = []
    want = "failed" if model.failed else "completed"
    if report["status"] != want:
        wrong.append(f"status {report['status']}, expected {want}: {report['error']}")
    for node in report["nodes"]:
        name = node["name"]
        status, runs = model.status.get(name, "skipped"), model.runs.get(name, 1)
        if (node["status"], node["runs"]) != (status, runs):
            wrong.append(f"{name}: {node['status']} ×{node['runs']}, expected {status} ×{runs}")
        elif status == "completed" and without_errors(node["value"]) != shown(model, name):
            wrong.append(f"{name}: {node['value']}, expected {shown(model, name)}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qflow", required=True, help="the program to test")
    parser.add_argument("--seed", type=int, default=1, help="of the first workflow")
    parser.add_argument("--count", type=int, default=100, help="how many workflows")
    parser.add_argument("--parallel", default="off", choices=["on", "off", "auto"], help="settings.parallel")
    options = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "flow.json")
        for seed in range(options.seed, options.seed + options.count):
            maker = Maker(random.Random(seed))
            maker.block([], 2, 8)
            path.write_text(json.dumps(document(maker, options.parallel)))
            command = [options.qflow, "run", str(path), "--json", "--quiet", "--data-dir", directory + "/data"]
            done = subprocess.run(command, capture_output=True, text=True)
            try:
                wrong = compare(maker, json.loads(done.stdout))
            except json.JSONDecodeError:
                wrong = [f"exit status {done.returncode}: {done.stderr[:500]}"]
            if wrong:
                bad += 1
                print(f"seed {seed}: {path.read_text()}\n  " + "\n  ".join(wrong[:8]))
    print(f"{options.count} workflows, {bad} not as the model says")
    return 1 if bad or not options.count else 0


if __name__ == "__main__":
    sys.exit(main())

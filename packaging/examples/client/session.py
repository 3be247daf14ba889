#!/usr/bin/env python3
"""A session with a Qflow server over HTTP, with Python's standard library and nothing else.

    QF=qf_… python3 session.py http://127.0.0.1:8000

$QF is an API key: `qflow token create NAME`. It stores a workflow, runs it, waits for the end, reads what came out and
fetches the file that a node handed over, tries a line of code, shows how errors look, and deletes what it made."""

import json
import os
import sys
import urllib.error
import urllib.request

WORKFLOW = {
    "name": "session",
    "nodes": [
        {"id": "split", "code": "def split(text: str) -> list[str]:\n    return text.split()"},
        {
            "id": "count",
            "code": "from collections import Counter\nfrom pathlib import Path\n\n"
            "def count(words: list[str]) -> tuple[dict[str, int], Path]:\n"
            "    counts = Counter(words)\n"
            "    Path('counts.csv').write_text(''.join(f'{w},{n}\\n' for w, n in counts.items()))\n"
            "    print(len(counts), 'different words')\n"
            "    return dict(counts), Path('counts.csv')",
        },
    ],
    "connections": [{"source": "split", "target": "count"}],
}


class Server:
    def __init__(self, address, key):
        self.address, self.key = address.rstrip("/"), key

    def bytes(self, method, path, body=None):
        request = urllib.request.Request(self.address + path, method=method)
        request.add_header("Authorization", "Bearer " + self.key)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def call(self, method, path, body=None):
        return json.loads(self.bytes(method, path, body))


def main():
    if len(sys.argv) != 2 or "QF" not in os.environ:
        sys.exit(__doc__)
    server = Server(sys.argv[1], os.environ["QF"])
    print("server:", server.call("GET", "/health")["status"])

    workflow = server.call("POST", "/workflows", WORKFLOW)["id"]
    try:
        # `wait` answers with the finished execution; without it the answer is an id to ask for later.
        path = f"/workflows/{workflow}/execute?wait=30"
        execution = server.call("POST", path, {"input_data": {"text": "to be or not to be"}})
        print("status:", execution["status"])
        counts, _ = execution["data"]["outputs"]["count"]
        print("counts:", json.dumps(counts))
        for run in execution["data"]["resultData"]["runData"]["count"]:
            print("printed:", run["qflow"]["stdout"].strip())

        files = server.call("GET", f"/files?executionId={execution['id']}")["files"]
        for file in files:
            content = server.bytes("GET", f"/files/{file['id']}").decode()
            print(f"file {file['original_filename']}:", content.split())

        # A node on its own, as an editor tries it.
        tried = server.call("POST", "/nodes/python/execute", {"code": "def f(x): return x * 2", "input_data": {"x": 21}})
        print("tried:", tried["output"])

        try:
            server.call("POST", f"/workflows/{workflow}/execute?wait=30", {"input_data": {"txet": "a"}})
        except urllib.error.HTTPError as error:
            # Every error is one object: a sentence for people, a code for programs.
            print(f"refused ({error.code}):", json.loads(error.read())["error"]["message"])
    finally:
        server.call("DELETE", f"/workflows/{workflow}")


if __name__ == "__main__":
    main()

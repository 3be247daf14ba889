#!/usr/bin/env python3
"""Runs the test suite that Debian ships of CPython (libpython3.11-testsuite), numpy or pandas as nodes: one execution
for each file of tests, in its own worker. What passes outside of Qflow as an ordinary user must pass inside, but for the
files that SUITE.reasons lists with the reason.

  run_suite.py cpython                 every file, inside
  run_suite.py cpython --outside       every file, with the same interpreter and no sandbox, as the user nobody
  run_suite.py cpython --sample        the files of cpython.sample
  run_suite.py cpython test_json …     these files, and what each test said
  run_suite.py numpy|pandas            the same for these; files are modules such as numpy.core.tests.test_dtype

Exit status: 0 when only files with a reason failed, and at least 97 of 100 of the others' files and tests passed."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = {"cpython": "/usr/lib/python3.11/test", "numpy": "/usr/lib/python3/dist-packages/numpy",
           "pandas": "/usr/lib/python3/dist-packages/pandas/tests"}


def files_of(suite):
    root = pathlib.Path(LIBRARY[suite])
    if suite == "cpython":
        names = {path.stem for path in root.glob("test_*.py")} | {path.parent.name for path in root.glob("test_*/__init__.py")}
        return sorted("test." + name for name in names)
    base = root.parents[len(root.relative_to("/usr/lib/python3/dist-packages").parts) - 1]
    found = [path for path in root.rglob("test_*.py") if "tests" in path.parts]
    return sorted(".".join(path.relative_to(base).with_suffix("").parts) for path in found)


def listed(name):
    """The lines of a file beside this script: a name, and after it the reason."""
    path = HERE / name
    lines = path.read_text().splitlines() if path.exists() else []
    return dict((line.split(None, 1) + [""])[:2] for line in lines if line and not line.startswith("#"))


def inside(args, directory, name):
    flow = directory / "flow.json"
    if not flow.exists():
        document = {"name": "suite", "nodes": [{"id": "suite", "file": "suite_node.py", "sandbox": {"programs": not args.no_programs}}]}
        flow.write_text(json.dumps(document))
        (directory / "suite_node.py").write_text((HERE / "suite_node.py").read_text())
    command = [args.qflow, "run", str(flow), "--json", "-i", "name=" + name, "--data-dir", str(directory / "data"),
               "--allow-programs", "--timeout", str(args.timeout), "--memory", str(args.memory), "--cpu", "2", "--tmp", "512", "--processes", "256"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return {"error": (done.stdout + done.stderr)[-2000:]}
    if report["status"] == "completed":
        return report["outputs"]["suite"]
    return {"error": report.get("error") or report["status"]}


def outside(args, directory, name):
    code = "import json, sys\nsys.path.insert(0, %r)\nfrom suite_node import suite\nprint(json.dumps(suite(%r)), file=sys.__stderr__)"
    place = directory / name
    place.mkdir(mode=0o777)
    os.chmod(place, 0o777)
    command = ["/usr/bin/python3.11", "-I", "-c", code % (str(HERE), name)]
    extra = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=args.timeout, cwd=place,
                              stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin", "HOME": str(place), "LC_ALL": "C.UTF-8"}, **extra)
    except subprocess.TimeoutExpired:
        return {"error": "took longer than %d s" % args.timeout}
    try:
        return json.loads(done.stderr.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": (done.stdout + done.stderr)[-2000:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=sorted(LIBRARY))
    parser.add_argument("files", nargs="*", help="only these files, with everything that failed")
    parser.add_argument("--outside", action="store_true", help="without Qflow, as the user nobody")
    parser.add_argument("--sample", action="store_true", help="only the files of SUITE.sample")
    parser.add_argument("--no-programs", action="store_true", help="without sandbox.programs")
    parser.add_argument("--qflow", default=str(HERE.parents[1] / "build/release/bin/qflow"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one file")
    parser.add_argument("--memory", type=int, default=4096, help="MiB that one file may use inside")
    parser.add_argument("--part", default="1/1", help="K/N: only every Nth file, from the Kth on")
    parser.add_argument("--json", help="write what came of each file there")
    args = parser.parse_args()

    if not pathlib.Path(LIBRARY[args.suite]).is_dir():
        print("skipped: %s is not here; Debian's libpython3.11-testsuite, python3-numpy or python3-pandas has it" % LIBRARY[args.suite])
        return 0
    names = files_of(args.suite)
    if args.sample:
        names = sorted(listed(args.suite + ".sample"))
    prefix = "test." if args.suite == "cpython" else ""
    if args.files:
        names = [name if name.startswith(prefix) else prefix + name for name in args.files]
    part, parts = map(int, args.part.split("/"))
    names = names[part - 1::parts]
    reasons = listed(args.suite + ".reasons")
    results = {}
    with tempfile.TemporaryDirectory(prefix="qflow-suite-") as scratch:
        os.chmod(scratch, 0o755)
        directory = pathlib.Path(scratch)
        work = outside if args.outside else inside
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            def timed(name):
                started = time.monotonic()
                return work(args, directory, name) | {"seconds": round(time.monotonic() - started, 1)}
            jobs = {pool.submit(timed, name): name for name in names}
            for number, job in enumerate(concurrent.futures.as_completed(jobs), 1):
                name, result = jobs[job], job.result()
                results[name] = result
                if args.json:
                    pathlib.Path(args.json).write_text(json.dumps(results, indent=1))
                bad = "error" in result or result["failed"]
                if bad or args.files:
                    said = result.get("error") or "%d of %d failed" % (len(result["failed"]), result["run"])
                    why = "  (%s)" % reasons[name] if name in reasons else ""
                    print("%d/%d  %s: %s%s" % (number, len(names), name, said.strip().splitlines()[-1] if said.strip() else "?", why), flush=True)
                    for test, text in result.get("failed", {}).items() if args.files or name not in reasons else ():
                        print("    %s\n        %s" % (test, text.strip().replace("\n", "\n        ") if args.files else text.strip().splitlines()[-1]))
                elif number % 50 == 0:
                    print("%d/%d" % (number, len(names)), flush=True)

    good = [name for name, result in results.items() if "error" not in result and not result["failed"]]
    run = sum(result.get("run", 0) for result in results.values())
    failed = sum(len(result.get("failed", ())) for result in results.values())
    skipped = sum(result.get("skipped", 0) for result in results.values())
    lost = [name for name, result in results.items() if "error" in result]
    print("%d of %d files pass, %d of %d tests, %d skipped; %d files gave no result"
          % (len(good), len(results), run - failed, run, skipped, len(lost)))
    unexpected = sorted(set(results) - set(good) - set(reasons))
    if unexpected:
        print("without a reason: " + ", ".join(unexpected))
    needed = [name for name in results if name not in reasons]
    enough = len([name for name in needed if name in good]) >= 0.97 * len(needed)
    return 0 if args.outside or (enough and not unexpected) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Programs and their pipes, where programs are allowed.

must: value "ok"
request: {"sandbox": {"programs": true}}
"""

import subprocess
import sys


def attempt():
    sorted_lines = subprocess.run(["sort", "-r"], input="a\nb\n", capture_output=True, text=True, check=True).stdout
    shell = subprocess.check_output("echo $((1 + 2)) | tr 3 4", shell=True, text=True)
    python = subprocess.check_output([sys.executable, "-I", "-c", "import json; print(json.dumps([1]))"], text=True)
    return "ok" if (sorted_lines, shell, python) == ("b\na\n", "4\n", "[1]\n") else repr((sorted_lines, shell, python))

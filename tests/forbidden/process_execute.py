"""Processes: starting a program.

must: refused
"""


def attempt():
    import subprocess
    for program in ("/usr/bin/true", "/bin/sh"):
        try:
            subprocess.run([program], check=True)
        except OSError:
            continue
        return program
    return "refused"

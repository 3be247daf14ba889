"""Network: the API of the daemon itself.

must: refused
denied: socket(AF_INET)
"""

import urllib.request


def attempt():
    for act in (lambda: urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=2),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"

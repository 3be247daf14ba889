"""Two hundred files open at once.

must: value "ok"
"""

def attempt():
    files = [open("/tmp/%d" % n, "w+") for n in range(200)]
    for n, f in enumerate(files):
        f.write(str(n))
        f.seek(0)
    return "ok" if [f.read() for f in files] == [str(n) for n in range(200)] else "wrong"

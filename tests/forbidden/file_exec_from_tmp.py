"""Files: mapping written bytes as code.

must: refused
"""


def attempt():
    import mmap
    with open("/tmp/code", "wb") as f:
        f.write(b"\xc3" * 4096)
    try:
        with open("/tmp/code", "rb") as f:
            mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE)
    except OSError:
        return "refused"
    return "mapped"

"""Arrays, linear algebra and files with numpy.

must: value "ok"
"""

import numpy


def attempt():
    a = numpy.random.default_rng(1).random((200, 200))
    inverse = numpy.linalg.inv(a)
    numpy.save("/tmp/a.npy", a)
    same = numpy.array_equal(numpy.load("/tmp/a.npy", mmap_mode="r"), a)
    return "ok" if numpy.allclose(a @ inverse, numpy.eye(200)) and same else "wrong"

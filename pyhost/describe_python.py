"""Prints, as one CMake list, what pyhost must know about the Python that runs this script: X.Y; include directory;
shared libpython; home (base prefix); executable; directories that a sandbox shows, joined by ':'. Exits with the reason
when this Python cannot be embedded."""

import os
import sys
import sysconfig

if sys.version_info < (3, 8):
    sys.exit("too old: pyhost needs Python 3.8 or newer")
version = "%d.%d" % sys.version_info[:2]
include = sysconfig.get_path("include")
names = [sysconfig.get_config_var(key) or "" for key in ("INSTSONAME", "LDLIBRARY")]
directories = [sysconfig.get_config_var(key) or "" for key in ("LIBDIR", "LIBPL")]
directories.append(os.path.join("/usr/lib", sysconfig.get_config_var("MULTIARCH") or ""))
library = next(
    (os.path.join(d, n) for n in names for d in directories if ".so" in n and os.path.exists(os.path.join(d, n))), None
)
if not os.path.exists(os.path.join(include, "Python.h")):
    sys.exit("no headers in %s (on Debian: apt-get install python%s-dev)" % (include, version))
if library is None:
    sys.exit("no shared libpython (built without --enable-shared?)")

mounts = []
for path in [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")] + sys.path:
    path = os.path.realpath(path)
    if os.path.isdir(path) and not any(path == m or path.startswith(m + "/") for m in mounts):
        mounts.append(path)
print(";".join([version, include, library, sys.base_prefix, os.path.realpath(sys.executable), ":".join(mounts)]))

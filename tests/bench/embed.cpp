// Runs a Python file in an embedded interpreter and nothing else: the cost of libpython itself against the python3
// executable.
#include <Python.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Py_Initialize();
  std::FILE* file = std::fopen(argv[1], "r");
  return file == nullptr ? 2 : PyRun_SimpleFileEx(file, argv[1], 1);
}

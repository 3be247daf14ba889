// The parts of pyhost on a live interpreter, without a sandbox.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "pyhost/process/interpreter.hpp"

int main(int argc, char** argv) {
  qflow::pyhost::start_interpreter();
  return doctest::Context(argc, argv).run();
}

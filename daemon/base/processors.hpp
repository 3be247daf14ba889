// How many processors this machine has. Any thread.
#pragma once

namespace qflow {

/// At least 1; asked once, because the C library reads a file for it each time.
unsigned processors();

}  // namespace qflow

// `qflow init`: a folder to start from.
#pragma once
#include <string>

namespace qflow::cli {

/// Makes the folder `name` with a flow of two typed nodes, their code, a README and a .gitignore. Throws Fault when
/// there is something in it.
int init(const std::string& name);

}  // namespace qflow::cli

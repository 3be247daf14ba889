// Passwords from the terminal or standard input. One thread.
#pragma once
#include <string>

namespace qflow::cli {

/// Asks on the terminal, without showing what is typed. Throws Fault where there is none.
std::string ask_password(const char* prompt);
/// The next line of standard input.
std::string read_line();

}  // namespace qflow::cli

#include "daemon/cli/password.hpp"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "daemon/base/fault.hpp"

namespace qflow::cli {

std::string ask_password(const char* prompt) {
  if (::isatty(STDIN_FILENO) == 0)
    throw Fault(FaultKind::bad_input, "no_terminal",
                "there is no terminal to read a password from; use --password-stdin");
  fmt::print(stderr, "{}", prompt);
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::string password;
  std::getline(std::cin, password);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fmt::print(stderr, "\n");
  return password;
}

std::string read_line() {
  std::string line;
  std::getline(std::cin, line);
  return line;
}

}  // namespace qflow::cli

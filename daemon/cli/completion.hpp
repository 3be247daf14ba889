// `qflow completion`: scripts for shells, made from the commands and options themselves.
#pragma once
#include <CLI/App.hpp>

#include <string>

namespace qflow::cli {

/// Prints the script for `shell` (bash, zsh or fish).
int completion(const CLI::App& app, const std::string& shell);

}  // namespace qflow::cli

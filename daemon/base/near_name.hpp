// Which name somebody probably meant. Any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace qflow {

/// Of `known`, the name that `written` is probably a misspelling of: it differs in case, by one or two letters
/// (exchanged neighbours count as one), or one of both begins with the other. Empty: none.
std::string near_name(std::string_view written, const std::vector<std::string>& known);

/// The same for a member of a document: of names that begin alike, only whole words count (input for input_data, but
/// not user for username).
std::string near_member(std::string_view written, const std::vector<std::string>& known);

/// "; did you mean X?", or nothing.
std::string did_you_mean(std::string_view written, const std::vector<std::string>& known);

}  // namespace qflow

// Makes text from outside safe to store: UTF-8, cut between characters. Any thread.
#pragma once
#include <string>
#include <string_view>

namespace qflow {

/// Whether all of it is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
/// Replaces every ill-formed sequence by U+FFFD, so that the text is valid in JSON.
std::string to_utf8(std::string_view bytes);
/// Without a byte order mark in front, which some editors write.
std::string without_mark(std::string text);
/// The first `size` bytes, or fewer so as not to split a character.
std::string_view cut_utf8(std::string_view text, std::size_t size);

}  // namespace qflow

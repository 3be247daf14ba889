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

/// With A to Z as a to z, whatever the locale.
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string lower_case(std::string_view text);
/// Whether they differ at most in that.
bool same_letters(std::string_view one, std::string_view other);

}  // namespace qflow

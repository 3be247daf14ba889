// Values between a worker and its branches: pickled (protocol 5), their buffers out of band, through a pipe. Worker
// process.
#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

namespace qflow::pyhost {

/// Loads what passing needs, so that no execution pays for it. In the zygote, before the first fork. Throws
/// error_already_set.
void prepare_passing();

/// Writes the value to `fd`; waits until the other side has read it. Returns how many bytes it is. Throws
/// error_already_set for what cannot be pickled: receive_value() is then told.
std::uint64_t send_value(int fd, const pybind11::object& value);
/// Reads a value that send_value() has written. Throws error_already_set: what unpickling raises, EOFError when the
/// other side has ended, RuntimeError when it could not send it.
pybind11::object receive_value(int fd, std::uint64_t& bytes);

/// The value as text that value_of_text() gives back: JSON where that is the same value again, otherwise a pickle.
/// `encoding`: which. Throws error_already_set for what cannot be pickled, std::length_error above `most` bytes.
std::string text_of_value(const pybind11::object& value, std::uint64_t most, std::string& encoding);
/// Throws error_already_set.
pybind11::object value_of_text(const std::string& text, const std::string& encoding);

}  // namespace qflow::pyhost

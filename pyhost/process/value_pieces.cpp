#include "pyhost/process/value_pieces.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "pyhost/node/raised.hpp"
#include "pyhost/values/passing.hpp"
#include "pyhost/values/preview.hpp"

namespace py = pybind11;

namespace qflow::pyhost {

void hand_out_kept(const py::object* value, std::uint64_t most, const ChunkSink& to) {
  constexpr std::size_t kPiece = 256U << 10U;
  schema::Chunk last{true, std::nullopt, std::nullopt};
  try {
    if (value == nullptr) throw std::runtime_error("there is no such value");
    std::string encoding;
    const std::string text = text_of_value(*value, most, encoding);
    last.encoding = encoding;
    for (std::size_t at = 0; at < text.size(); at += kPiece)
      to(schema::Chunk{false, std::nullopt, std::nullopt}, text.substr(at, kPiece));
  } catch (const std::length_error&) {
    last.error = fmt::format("it is larger than {} MiB", most >> 20U);
  } catch (const std::exception& problem) {
    PyErr_Clear();
    last.error = first_line(problem.what());
  }
  to(last, {});
}

void hand_out_whole(const py::object* value, std::uint64_t most, const ChunkSink& to) {
  std::optional<std::string> problem;
  if (value == nullptr) problem = "no such value";
  std::uint64_t left = most;
  try {
    const PieceSink sink = [&](std::string_view piece) {
      if (piece.size() > left) throw std::length_error("value");
      left -= piece.size();
      if (!piece.empty()) to(schema::Chunk{false, std::nullopt, std::nullopt}, std::string(piece));
    };
    if (value != nullptr && !write_whole(*value, sink)) problem = "it is too deep, or contains itself";
  } catch (const std::length_error&) {
    problem = fmt::format("as JSON it is larger than {} MiB", most >> 20U);
  } catch (const std::exception&) {
    PyErr_Clear();
    problem = "there is no memory to write it";
  }
  to(schema::Chunk{true, problem, std::nullopt}, {});
}

}  // namespace qflow::pyhost

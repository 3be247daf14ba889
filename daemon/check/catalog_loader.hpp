// The catalog of users' types and converters, from the store. Engine strand.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/check/describer.hpp"
#include "daemon/store/library_rows.hpp"
#include "daemon/typing/catalog.hpp"

namespace qflow::check {

using CatalogPtr = std::shared_ptr<const typing::Catalog>;  // shared with the executions that use it

/// The source of a library node, as in a workflow of that node alone. Throws Fault(bad_input).
NodeSource source_of(const store::PythonNode& node, const workers::Settings& settings);

/// Keeps the last catalog of each user until the library changes.
class CatalogLoader {
 public:
  CatalogLoader(store::Store& store, Describer& describer) : store_(store), describer_(describer) {}
  /// The types and converters that `owner` may use; nothing: all of them.
  Task<CatalogPtr> load(std::optional<std::string> owner, std::shared_ptr<const workers::Settings> settings);

 private:
  struct Kept {
    std::uint64_t version = 0;
    Clock::time_point at;
    CatalogPtr catalog;
  };
  store::Store& store_;
  Describer& describer_;
  std::map<std::string, Kept> kept_;
};

}  // namespace qflow::check

// The catalog of users' types and converters, from the store. Engine thread.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/engine/describer.hpp"
#include "daemon/store/library.hpp"
#include "daemon/typing/catalog.hpp"

namespace qflow::engine {

using CatalogPtr = std::shared_ptr<const typing::Catalog>;  // shared with the executions that use it

/// The source of a library node, as a workflow of that node alone has it. Throws Fault(bad_input).
NodeSource source_of(const store::PythonNode& node, const workers::Settings& settings);

/// Keeps the last catalog of each user until the library changes.
class CatalogLoader {
 public:
  CatalogLoader(store::Store& store, Describer& describer) : store_(store), describer_(describer) {}
  /// What `owner` may use; nothing: everything there is.
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

}  // namespace qflow::engine

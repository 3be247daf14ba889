#include "daemon/services/type_questions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/services/checking.hpp"
#include "daemon/services/custom_types.hpp"
#include "daemon/services/faults.hpp"
#include "daemon/typing/convert_node.hpp"
#include "schema/documented_types.hpp"

namespace qflow::services {
namespace {

// A documented name, the name of a user's type, or a Python type.
struct Asked {
  std::string name;  ///< as written; for a built-in type, its documented name
  typing::LinkEnd end;
  bool named = false;
  std::string problem;  ///< why it is none of these; empty otherwise
};

Asked read_asked(const std::string& written, const typing::Catalog& catalog) {
  Asked out;
  out.name = written;
  out.named = catalog.knows(written);
  if (out.named) {
    if (const auto known = schema::builtin_type(written)) {
      out.name = std::string(*known);
      out.end.type = schema::type_of_documented(*known);
    } else {
      out.end.declared = written;
    }
    return out;
  }
  const auto known = [&](std::string_view name) { return catalog.find(name) != nullptr; };
  if (const auto type = typing::read_type(written, out.problem, known)) out.end.type = *type;
  out.end.classes = &catalog.classes();
  return out;
}

// Two names: the documented matrix, exactly.
void compare_names(const Asked& from, const Asked& to, const std::string& source, const std::string& target,
                   const typing::Catalog& catalog, TypeAnswer& answer) {
  const schema::Compatibility fits = catalog.compatibility(from.name, to.name);
  answer.compatible = fits.compatible;
  answer.method = std::string(fits.method);
  answer.conversion_required = fits.conversion_required;
  answer.explanation = fmt::format("{} → {}: {}{}", source, target, fits.compatible ? "fits" : "does not fit",
                                   fits.method.empty() ? "" : "; converter: " + answer.method);
}

void compare_structure(const Asked& from, const Asked& to, const typing::Catalog& catalog, TypeAnswer& answer) {
  const typing::Link link = typing::check_link(from.end, to.end, catalog);
  answer.compatible = link.compatible && link.fits;
  answer.method = link.method;
  answer.conversion_required = link.conversion_required || (!answer.compatible && !link.method.empty());
  answer.outer_compatible = link.compatible;
  answer.explanation = link.explanation;
}

std::string metric_name(const std::string& written) {
  return std::string(schema::builtin_type(written).value_or("custom"));
}

}  // namespace

TypeAnswer compare_types(Services& services, const typing::Catalog& catalog, const std::string& source,
                         const std::string& target) {
  const auto start = Clock::now();
  const Asked from = read_asked(source, catalog), to = read_asked(target, catalog);
  TypeAnswer answer;
  if (!from.problem.empty() || !to.problem.empty()) {
    answer.explanation = from.problem.empty() ? to.problem : from.problem;
  } else {
    if (from.named && to.named) compare_names(from, to, source, target, catalog, answer);
    else compare_structure(from, to, catalog, answer);
    if (!answer.compatible) answer.suggestions = typing::suggest(from.end, to.end, catalog);
  }
  services.metrics.type_check(metric_name(source), metric_name(target), answer.compatible,
                              milliseconds_since(start) / 1000);
  return answer;
}

PortsAnswer compare_ports(Services& services, const typing::Catalog& catalog, const std::vector<std::string>& outputs,
                          const std::vector<std::string>& inputs) {
  PortsAnswer out;
  for (const std::string& output : outputs)
    for (const std::string& input : inputs) {
      out.pairs.push_back(compare_types(services, catalog, output, input));
      out.can_connect = out.can_connect || out.pairs.back().compatible;
    }
  return out;
}

Converted convert_value(Services& services, const json::value& value, const std::string& source,
                        const std::string& target, bool items) {
  const auto from = schema::builtin_type(source);
  const auto to = schema::builtin_type(target);
  const auto refuse = [](const char* member, const std::string& name) {
    throw Fault(FaultKind::bad_input, "invalid_body", fmt::format("/{}: no type is named \"{}\"", member, name));
  };
  if (!from) refuse("source_type", source);
  if (!to) refuse("target_type", target);
  const auto start = Clock::now();
  std::string problem;
  auto converted = schema::convert(value, *from, *to, items, problem);
  services.metrics.type_conversion(std::string(*from), std::string(*to), milliseconds_since(start) / 1000);
  if (!converted)
    throw Fault(FaultKind::unprocessable, "not_convertible", "/value: " + problem,
                {{"source_type", source}, {"target_type", target}});
  const schema::Compatibility fits = schema::compatibility(*from == "any" ? schema::type_of(value) : *from, *to);
  return {std::move(*converted), std::string(fits.method)};
}

Task<std::vector<std::string>> type_names(Services& services) {
  const std::vector<store::CustomTypeRow> custom = co_await custom_types(services);
  std::vector<std::string> names;
  for (const auto& type : schema::builtin_types()) names.emplace_back(type.name);
  for (const auto& type : custom) names.push_back(type.name);
  co_return names;
}

Task<std::vector<std::string>> types_that_take(Services& services, const auth::Caller& caller, std::string source) {
  const check::CatalogPtr catalog = co_await catalog_of(services, caller.user_id);
  std::vector<std::string> names = co_await type_names(services);
  std::erase_if(names, [&](const std::string& name) { return !catalog->compatibility(source, name).compatible; });
  if (names.empty()) throw missing("type", source);
  co_return names;
}

}  // namespace qflow::services

#include "daemon/typing/catalog.hpp"

namespace qflow::typing {
namespace {

std::string_view last_part(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

Catalog::Catalog(std::vector<CustomType> types, std::vector<Converter> converters)
    : converters_(std::move(converters)) {
  for (CustomType& type : types) {
    if (!type.extends.empty()) {
      const auto known = schema::builtin_type(type.extends);
      const schema::Type parent = known ? schema::type_of_documented(*known) : schema::Type::of(type.extends);
      if (parent.kind == schema::Type::Kind::named) classes_[type.name].bases = {parent.name};
    }
    classes_[type.name];
    if (type.of_classes) by_class_.emplace(type.name, type.name);
    if (type.of_classes && !type.python_type.empty() && type.python_type != "object")
      by_class_[type.python_type] = type.name;
    std::string name = type.name;
    types_.emplace(std::move(name), std::move(type));
  }
}

const CustomType* Catalog::find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

std::optional<std::string> Catalog::of_class(std::string_view class_name) const {
  for (const std::string_view name : {class_name, last_part(class_name)})
    if (const auto found = by_class_.find(name); found != by_class_.end()) return found->second;
  return std::nullopt;
}

schema::DocumentedName Catalog::documented(const schema::Type& type, const schema::Classes& classes) const {
  return schema::documented(type, classes, [this](std::string_view name) { return of_class(name); });
}

bool Catalog::knows(std::string_view name) const {
  return schema::builtin_type(name).has_value() || find(name) != nullptr;
}

schema::Compatibility Catalog::compatibility(std::string source, std::string_view target) const {
  const auto known_target = schema::builtin_type(target);
  if (!known_target && find(target) == nullptr) return {};
  for (int depth = 0; depth < 20; ++depth) {
    const auto known = schema::builtin_type(source);
    if (known && known_target) return schema::compatibility(*known, *known_target);
    const CustomType* custom = known ? nullptr : find(source);
    if (!known && custom == nullptr) return {};
    if (target == source || known_target == "any" || known == "any") return {true, false, {}};
    if (custom == nullptr || custom->extends.empty()) return {};
    source = custom->extends;
  }
  return {};
}

}  // namespace qflow::typing

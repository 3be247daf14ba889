#include "daemon/base/json_text.hpp"

#include "schema/text/write_json.hpp"

namespace qflow {

std::string indented(const boost::json::value& value, std::size_t indent) {
  const std::string flat = schema::write_json(value);
  if (flat.size() + indent <= 100 || (!value.is_object() && !value.is_array())) return flat;
  const std::string pad(indent + 2, ' ');
  std::string out = value.is_object() ? "{\n" : "[\n";
  bool first = true;
  const auto add = [&](const std::string& key, const boost::json::value& element) {
    out += (first ? "" : ",\n") + pad + key + indented(element, indent + 2);
    first = false;
  };
  if (value.is_object())
    for (const auto& [key, element] : value.get_object())
      add(schema::write_json(boost::json::value(key)) + ": ", element);
  else
    for (const auto& element : value.get_array()) add("", element);
  return out + "\n" + std::string(indent, ' ') + (value.is_object() ? "}" : "]");
}

}  // namespace qflow

#include "schema/typing/annotated_limits.hpp"

namespace qflow::schema {

void add_limit(Type& type, std::string_view word, const json::value& value) {
  const Type* base = &type;
  if (type.kind == Type::Kind::union_of)  // Optional[...]: the one alternative that is not None
    for (const Type& one : type.arguments)
      if (one.kind != Type::Kind::none) base = &one;
  const bool text = base->is("str") || base->is("bytes");
  const bool mapping = base->is("dict") || base->is("collections.abc.Mapping");
  struct Word {
    std::string_view ours, number, text, mapping, sequence;
  };
  static constexpr Word kWords[] = {{"gt", "exclusiveMinimum", "", "", ""},
                                    {"ge", "minimum", "", "", ""},
                                    {"min", "minimum", "minLength", "minProperties", "minItems"},
                                    {"minimum", "minimum", "", "", ""},
                                    {"lt", "exclusiveMaximum", "", "", ""},
                                    {"le", "maximum", "", "", ""},
                                    {"max", "maximum", "maxLength", "maxProperties", "maxItems"},
                                    {"maximum", "maximum", "", "", ""},
                                    {"multiple_of", "multipleOf", "", "", ""},
                                    {"min_length", "", "minLength", "minProperties", "minItems"},
                                    {"min_inclusive", "", "minLength", "minProperties", "minItems"},
                                    {"max_length", "", "maxLength", "maxProperties", "maxItems"},
                                    {"min_items", "", "", "", "minItems"},
                                    {"max_items", "", "", "", "maxItems"},
                                    {"pattern", "", "pattern", "", ""},
                                    {"regex", "", "pattern", "", ""}};
  if ((word == "description" || word == "title") && value.is_string()) {
    type.limits[word] = value;
    return;
  }
  const bool number = base->is("int") || base->is("float") || base->kind == Type::Kind::union_of;
  for (const Word& known : kWords) {
    if (known.ours != word) continue;
    const std::string_view name = number ? known.number : text ? known.text : mapping ? known.mapping : known.sequence;
    const bool fits = name == "pattern" ? value.is_string() : value.is_number();
    if (!name.empty() && fits) type.limits[name] = value;
  }
}

std::vector<std::string_view> words_of_metadata(std::string_view class_name) {
  if (class_name == "Gt") return {"gt"};
  if (class_name == "Ge") return {"ge"};
  if (class_name == "Lt") return {"lt"};
  if (class_name == "Le") return {"le"};
  if (class_name == "MultipleOf") return {"multiple_of"};
  if (class_name == "MinLen") return {"min_length"};
  if (class_name == "MaxLen") return {"max_length"};
  if (class_name == "Len") return {"min_length", "max_length"};
  if (class_name == "Doc" || class_name == "doc") return {"description"};
  return {};
}

}  // namespace qflow::schema

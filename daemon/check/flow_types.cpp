#include "daemon/check/flow_types.hpp"

#include <algorithm>

#include "daemon/flow/binding.hpp"
#include "daemon/flow/control.hpp"

namespace qflow::check {
namespace {

using flow::Control;
using schema::Type;

// What a list, or the like, has in it.
Type element_of(const Type& type) {
  for (const char* list : {"list", "set", "frozenset", "collections.abc.Sequence", "collections.abc.Iterable",
                           "collections.abc.Collection"})
    if (type.is(list) && type.arguments.size() == 1) return type.arguments.front();
  if (type.kind == Type::Kind::tuple && type.variadic) return type.arguments.front();
  if (type.kind == Type::Kind::tuple && !type.arguments.empty()) return Type::either(type.arguments);
  return Type::any();
}

bool is_table(const Type& type) { return type.kind == Type::Kind::named && type.name.ends_with("DataFrame"); }

Type list_of(const Type& element) {
  return element.kind == Type::Kind::any ? Type::of("list") : Type::of("list", {element});
}

class Inference {
 public:
  Inference(const flow::Plan& plan, const std::vector<StepTypes>& types) : plan_(plan), types_(types) {
    out_.outputs.resize(plan.steps.size());
    out_.classes.resize(plan.steps.size(), nullptr);
  }

  FlowTypes infer() {
    // What comes back to a loop is known once its body is: the second time.
    for (const bool again : {false, true})
      for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
        if (!plan_.steps[i].is_flow()) continue;
        infer_step(i);
        if (again && plan_.steps[i].body_end > 0) infer_results(i);
      }
    return std::move(out_);
  }

 private:
  Type type_of(const flow::Source& source) const {
    if (!source.step) return Type::any();
    const std::size_t from = *source.step;
    if (source.error) return Type::of("dict");
    if (plan_.steps[from].node.on_error == flow::OnError::regular) return Type::any();
    if (plan_.steps[from].is_flow()) {
      const auto output = static_cast<std::size_t>(source.output);
      return output < out_.outputs[from].size() ? out_.outputs[from][output] : Type::any();
    }
    return types_[from].function == nullptr ? Type::any() : output_type(plan_.steps[from], types_[from], source);
  }

  const schema::Classes* classes_of(const flow::Source& source) const {
    if (!source.step) return nullptr;
    return plan_.steps[*source.step].is_flow() ? out_.classes[*source.step] : types_[*source.step].classes;
  }

  // The union of what comes to the sources; any when one of them may be anything. Classes of several nodes are not
  // put together: then their types are not known.
  Type together(std::size_t i, bool closing) {
    std::vector<Type> all;
    for (const flow::Source& source : plan_.steps[i].sources) {
      if (source.closes != closing) continue;
      const schema::Classes* classes = classes_of(source);
      if (classes != nullptr && !classes->empty()) {
        if (out_.classes[i] != nullptr && out_.classes[i] != classes) return Type::any();
        out_.classes[i] = classes;
      }
      all.push_back(type_of(source));
      if (all.back().kind == Type::Kind::any) return Type::any();
    }
    return all.empty() ? Type::any() : Type::either(std::move(all));
  }

  void infer_step(std::size_t i) {
    const flow::Node& node = plan_.steps[i].node;
    const Type value = together(i, false);
    std::vector<Type>& out = out_.outputs[i];
    out.assign(std::max<std::size_t>(1, node.outputs.size()), Type::any());
    switch (node.control) {
      case Control::wait:
        out.front() = flow::wait_of(node).webhook ? Type::of("dict") : value;
        break;
      case Control::if_:
      case Control::switch_:
        std::fill(out.begin(), out.end(), value);
        break;
      case Control::filter:
        std::fill(out.begin(), out.end(), is_table(value) ? value : list_of(element_of(value)));
        break;
      case Control::merge:
        out[0] = merged(i, value);
        break;
      case Control::for_each: {
        const json::value* batch = node.control_parameters.if_contains("batch");
        const bool single = batch == nullptr || (batch->is_number() && batch->to_number<double>() <= 1);
        out[0] = Type::of("list");
        out[1] = is_table(value) ? (single ? Type::of("dict") : value)
                 : single        ? element_of(value)
                                 : list_of(element_of(value));
        break;
      }
      case Control::while_:
        break;  // what comes back may be of another type
      case Control::respond:
        out.front() = Type::of("dict");
        break;
      case Control::set:
      case Control::workflow:
      case Control::stop:
      case Control::none:
        break;
    }
  }

  Type merged(std::size_t i, const Type& value) const {
    const json::value* mode = plan_.steps[i].node.control_parameters.if_contains("mode");
    const std::string_view word = mode != nullptr && mode->is_string() ? std::string_view(mode->get_string()) : "first";
    if (word == "first") return value;
    if (word == "list") return list_of(value);
    if (word == "dict")
      return value.kind == Type::Kind::any ? Type::of("dict") : Type::of("dict", {Type::of("str"), value});
    if (word == "concat") return is_table(value) ? value : value.is("list") ? value : Type::any();
    return word == "zip" ? Type::of("list") : Type::any();
  }

  void infer_results(std::size_t i) {
    const json::value* how = plan_.steps[i].node.control_parameters.if_contains("on_error");
    const bool collects = how != nullptr && how->is_string() && how->get_string() == "collect";
    if (plan_.steps[i].node.control == Control::for_each && !collects) out_.outputs[i][0] = list_of(together(i, true));
  }

  const flow::Plan& plan_;
  const std::vector<StepTypes>& types_;
  FlowTypes out_;
};

}  // namespace

FlowTypes flow_types(const flow::Plan& plan, const std::vector<StepTypes>& types) {
  return Inference(plan, types).infer();
}

std::vector<bool> steps_that_may_be_absent(const flow::Plan& plan) {
  std::vector<bool> out(plan.steps.size(), false);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const flow::Node& node = plan.steps[i].node;
    const auto sources = flow::sources_of(plan.steps[i]);
    out[i] = flow::is_choice(node.control) || node.on_error == flow::OnError::output ||
             (!sources.empty() && std::all_of(sources.begin(), sources.end(), [&](const flow::Source* source) {
               return source->step && out[*source->step];
             }));
  }
  return out;
}

}  // namespace qflow::check

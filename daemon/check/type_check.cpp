#include "daemon/check/type_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/fault.hpp"
#include "daemon/check/flow_types.hpp"
#include "daemon/flow/binding.hpp"
#include "daemon/flow/inputs.hpp"
#include "daemon/typing/link.hpp"
#include "schema/typing/hierarchy.hpp"
#include "schema/typing/json_check.hpp"
#include "schema/typing/json_schema.hpp"

namespace qflow::check {
namespace {

using Severity = Finding::Severity;
using schema::NodePort;
using schema::Type;

const schema::Classes kNone;

// bind_step() names the source of a value by a number: here the step itself.
std::uint32_t step_number(std::size_t step) { return static_cast<std::uint32_t>(step); }

// A fifth of a second for the connections of one document; a usual one needs a few looks each.
constexpr int kLooksOfAll = 400'000;
constexpr std::size_t kSchemaSteps = 20;  // for writing the schema of a small type
constexpr std::size_t kMostFindings = 1000;

class Checker {
 public:
  Checker(const flow::Plan& plan, const std::vector<StepTypes>& types, const typing::Catalog& catalog, const Look& look)
      : plan_(plan), types_(types), catalog_(catalog), look_(look) {
    if (look.input != nullptr) input_ = *look.input;
    for (const flow::Step& step : plan.steps) entries_ += flow::is_entry(step) ? 1 : 0;
    flow_ = flow_types(plan, types);
    absent_ = steps_that_may_be_absent(plan);
  }

  std::vector<Finding> check() {
    check_input();
    for (std::size_t i = 0; i < plan_.steps.size() && out_.size() < kMostFindings; ++i)
      if (types_[i].function != nullptr && !plan_.steps[i].is_flow() && look_.pinned.count(i) == 0) check_step(i);
    say_what_is_missing();
    return std::move(out_);
  }

 private:
  // What a document may cost is bounded as a whole, however many connections and literals it has.
  void say_what_is_missing() {
    const bool full = out_.size() >= kMostFindings;
    if (links_left_out_ == 0 && literals_left_out_ == 0 && !full) return;
    Finding finding;
    finding.severity = Severity::warning;
    finding.code = "check_incomplete";
    finding.message =
        full ? fmt::format("more than {} findings; the rest of the workflow was not checked", kMostFindings)
             : fmt::format(
                   "the types of this workflow are too large to be checked completely: {} connections were "
                   "compared by their outer types only, {} literals were not looked at",
                   links_left_out_, literals_left_out_);
    out_.push_back(std::move(finding));
  }

  Finding& add(std::size_t step, Severity severity, std::string code, std::string message, std::string pointer) {
    const flow::Node& node = plan_.steps[step].node;
    Finding finding;
    finding.severity = severity;
    finding.code = std::move(code);
    finding.message = fmt::format("node \"{}\": {}", node.name, message);
    finding.node = node.name;
    finding.node_id = node.id;
    finding.pointer = pointer.empty() ? node.pointer : std::move(pointer);
    out_.push_back(std::move(finding));
    return out_.back();
  }

  // Members of the input that no function takes.
  void check_input() {
    bool all = true;
    for (std::size_t i = 0; i < types_.size(); ++i)
      all = all && types_[i].function != nullptr && !(plan_.steps[i].is_flow() && flow::is_entry(plan_.steps[i]));
    if (!look_.with_input || look_.input == nullptr || !all) return;
    std::vector<schema::Function> functions;
    for (const StepTypes& one : types_) functions.push_back(as_bound(*one.function));
    std::vector<const schema::Function*> pointers;
    for (const schema::Function& one : functions) pointers.push_back(&one);
    try {
      flow::require_known_inputs(plan_, pointers, *look_.input, look_.input_rules);
    } catch (const Fault& fault) {
      Finding finding;
      finding.severity = Severity::error;
      finding.code = fault.code;
      finding.message = fault.message;
      out_.push_back(std::move(finding));
    }
  }

  // The sources as they are bound together: of several that come to one input by way of a choice, only one will carry a
  // value, and the first stands for it.
  flow::SourceList usual_sources(const flow::Step& step) {
    flow::SourceList out;
    for (const flow::Source* source : flow::sources_of(step)) {
      const bool chosen = source->step && absent_[*source->step];
      const bool taken = std::any_of(out.begin(), out.end(), [&](const flow::Source* other) {
        return other->input == source->input && other->input_port == source->input_port;
      });
      if (!chosen || !taken) out.push_back(source);
    }
    return out;
  }

  void check_step(std::size_t i) {
    const flow::Step& step = plan_.steps[i];
    const schema::NodeFunction& function = *types_[i].function;
    flow::Binding binding;
    try {
      binding = flow::bind_step(step, plan_, usual_sources(step), as_bound(function), input_, entries_, step_number);
    } catch (const Fault& fault) {
      if (look_.types_only) return;  // the engine reports it when it binds
      const bool waits = fault.code == "missing_argument" && flow::is_entry(step) && !look_.with_input;
      Finding& finding = add(i, waits ? Severity::info : Severity::error, waits ? "needs_input" : fault.code, "", {});
      finding.message =
          waits ? fault.message.substr(0, fault.message.find(": connect it")) + ": the execution's input must give it"
                : fault.message;
      check_unbound(i, function);
      return;
    }
    if (!look_.types_only)
      for (const std::string& warning : binding.warnings)
        if (look_.with_input) add(i, Severity::warning, "binding", warning, {});
    for (const schema::Argument& argument : binding.arguments) {
      const std::optional<NodePort> port = port_of(function, argument.name);
      if (!port) continue;
      if (!argument.handle) check_literal(i, *port, argument, binding.origins);
      else if (!binding.spread) check_edge(i, *port, argument);
      else check_spread(i, *port, argument, binding);
    }
    check_others(i, function, binding);
  }

  // Sources that share their input with one that was bound.
  void check_others(std::size_t i, const schema::NodeFunction& function, const flow::Binding& binding) {
    const flow::Step& step = plan_.steps[i];
    const flow::SourceList usual = usual_sources(step);
    for (const flow::Source* source : flow::sources_of(step)) {
      if (!source->step || std::find(usual.begin(), usual.end(), source) != usual.end() || binding.spread) continue;
      const auto index = static_cast<std::size_t>(source->input);
      std::optional<NodePort> port;
      if (source->input_port) port = port_of(function, *source->input_port);
      else if (index < step.node.ports.size()) port = port_of(function, step.node.ports[index]);
      else if (index < function.inputs.size()) port = function.inputs[index];
      if (!port || !knows(*source->step)) continue;
      check_ends(i, *port, *source, end_of(*source, ""), "output");
    }
  }

  // Whether the type of what the step gives is known.
  bool knows(std::size_t step) const { return plan_.steps[step].is_flow() || types_[step].function != nullptr; }

  typing::LinkEnd end_of(const flow::Source& source, std::string declared_name) const {
    const std::size_t from = *source.step;
    if (source.error) return {Type::of("dict"), &kNone, {}};
    if (plan_.steps[from].node.on_error == flow::OnError::regular) return {Type::any(), &kNone, {}};
    if (!plan_.steps[from].is_flow())
      return {output_type(plan_.steps[from], types_[from], source), &classes(from), std::move(declared_name)};
    const auto output = static_cast<std::size_t>(source.output);
    return {output < flow_.outputs[from].size() ? flow_.outputs[from][output] : Type::any(), &classes(from), {}};
  }

  // The step cannot be bound as a whole; reports what is wrong with its parts all the same.
  void check_unbound(std::size_t i, const schema::NodeFunction& function) {
    const flow::Node& node = plan_.steps[i].node;
    for (const auto& [name, value] : node.literals)
      if (const auto port = port_of(function, std::string(name))) {
        schema::Argument argument;
        argument.literal = value;
        check_literal(i, *port, argument, {{name, "literal"}});
      }
    for (const flow::Source& source : plan_.steps[i].sources) {
      if (!source.step) continue;
      const auto index = static_cast<std::size_t>(source.input);
      std::optional<NodePort> port;
      if (source.input_port) port = port_of(function, *source.input_port);
      else if (index < node.ports.size()) port = port_of(function, node.ports[index]);
      else if (index < function.inputs.size()) port = function.inputs[index];
      schema::Argument argument;
      argument.handle = step_number(*source.step);
      if (port && plan_.steps[*source.step].node.outputs.size() < 2) check_edge(i, *port, argument);
    }
  }

  // One connection into several required parameters: a dict is spread by name, so a value that cannot be a dict leaves
  // the others without a value (daemon/flow/README.md, "Binding", rules 4 and 8).
  void check_spread(std::size_t i, const NodePort& port, const schema::Argument& argument,
                    const flow::Binding& binding) {
    const std::size_t from = *argument.handle;
    const StepTypes& giver = types_[from];
    if (giver.function == nullptr || plan_.steps[from].is_flow() || argument.item) return;
    const Type& whole = giver.function->output.type;
    const schema::DocumentedName type = catalog_.documented(whole, classes(from));
    const auto may_be_dict = [](const std::string& name) {
      return name == "dict" || name == "object" || name == "any";
    };
    const bool spreads = type.alternatives.empty()
                             ? may_be_dict(type.name) || catalog_.find(type.name) != nullptr
                             : std::any_of(type.alternatives.begin(), type.alternatives.end(), may_be_dict);
    if (spreads) return check_fields(i, from, whole, argument, binding);
    std::string missing;
    for (const NodePort& other : types_[i].function->inputs)
      if (other.required && !binding.origins.contains(other.name))
        missing += (missing.empty() ? "'" : ", '") + other.name + "'";
    if (!missing.empty() && !look_.types_only)
      add(i, Severity::error, "missing_argument",
          fmt::format("missing argument {}: node \"{}\" gives {}, which is not a dict to spread by name", missing,
                      plan_.steps[from].node.name, schema::text(whole)),
          {});
    check_edge(i, port, argument);
  }

  // A TypedDict that is spread: each of its fields goes to the parameter of the same name.
  void check_fields(std::size_t i, std::size_t from, const Type& whole, const schema::Argument& argument,
                    const flow::Binding& binding) {
    const auto info = classes(from).find(whole.name);
    if (whole.kind != Type::Kind::named || info == classes(from).end() ||
        info->second.form != schema::ClassInfo::Form::typed_dict)
      return;
    int budget = schema::kLooks;
    for (const schema::Field& field : schema::fields_of(whole, info->second, classes(from), budget))
      for (const NodePort& port : types_[i].function->inputs)
        if (port.name == field.name &&
            (!binding.origins.contains(port.name) || binding.origins.at(port.name) != "literal"))
          if (const flow::Source* source = source_of(i, port, argument))
            check_ends(i, port, *source, {field.type, &classes(from), {}}, field.name);
  }

  const schema::Classes& classes(std::size_t step) const {
    const schema::Classes* own = plan_.steps[step].is_flow() ? flow_.classes[step] : types_[step].classes;
    return own == nullptr ? kNone : *own;
  }

  std::string declared(const flow::Node& node, const std::string& port) const {
    const auto found = node.port_types.find(port);
    return found != node.port_types.end() && catalog_.knows(found->second) ? found->second : std::string();
  }

  std::string declared_output(const flow::Node& node, const schema::Argument& argument) const {
    if (argument.key) return declared(node, "out " + *argument.key);
    const std::string whole = node.whole_output_type();
    return catalog_.knows(whole) ? whole : std::string();
  }

  // The connection that feeds the port: of several between the same nodes, the one that names it, else the first.
  const flow::Source* source_of(std::size_t i, const NodePort& port, const schema::Argument& argument) const {
    const flow::Node& node = plan_.steps[i].node;
    const auto& inputs = types_[i].function->inputs;
    const flow::Source* first = nullptr;
    for (const flow::Source& one : plan_.steps[i].sources) {
      const bool same_item = !argument.item || one.output == *argument.item ||
                             (one.output_port && argument.key && *one.output_port == *argument.key);
      if (one.step != *argument.handle || !same_item) continue;
      const auto index = static_cast<std::size_t>(one.input);
      const std::string to = one.input_port              ? *one.input_port
                             : index < node.ports.size() ? node.ports[index]
                             : index < inputs.size()     ? inputs[index].name
                                                         : "";
      if (to == port.name) return &one;
      if (first == nullptr) first = &one;
    }
    return first;
  }

  void check_edge(std::size_t i, const NodePort& port, const schema::Argument& argument) {
    const std::size_t from = *argument.handle;
    if (!knows(from) || plan_.types == flow::TypeChecks::off) return;
    const flow::Source* source = source_of(i, port, argument);
    if (source == nullptr) return;
    const std::string output = argument.key.value_or("output");
    check_ends(i, port, *source, end_of(*source, declared_output(plan_.steps[from].node, argument)), output);
  }

  void check_ends(std::size_t i, const NodePort& port, const flow::Source& source, const typing::LinkEnd& left,
                  const std::string& output) {
    const flow::Step& step = plan_.steps[i];
    const typing::LinkEnd right{port.type, &classes(i), declared(step.node, "in " + port.name)};
    if (left.type.kind == Type::Kind::any && left.declared.empty()) return;
    if (right.type.kind == Type::Kind::any && right.declared.empty()) return;
    if (looks_ <= 0) ++links_left_out_;
    const typing::Link link = typing::check_link(left, right, catalog_, &looks_);
    if (link.compatible && link.fits) return;
    // A decorator written in Python keeps the annotations of what it wraps, whatever it returns: the value will show.
    const schema::NodeFunction* giver = types_[*source.step].function;
    const bool sure = giver == nullptr || !giver->is_wrapped || !left.declared.empty();
    const bool error = (!link.compatible && sure) || plan_.types == flow::TypeChecks::strict;
    const flow::Node& sender = plan_.steps[*source.step].node;
    Finding& finding = add(i, error ? Severity::error : Severity::warning, "incompatible_types",
                           fmt::format("input '{}' takes {}, but node \"{}\" gives {}: {}", port.name,
                                       typing::shown(right), sender.name, typing::shown(left), link.explanation),
                           source.pointer);
    json::array suggestions;
    if (look_.suggestions)
      for (const auto& one : typing::suggest(left, right, catalog_)) suggestions.push_back(one.to_json());
    finding.details = {
        {"source", json::object{{"node", sender.name}, {"node_id", sender.id}, {"port", output}}},
        {"target", json::object{{"node", step.node.name}, {"node_id", step.node.id}, {"port", port.name}}},
        {"output_type", typing::shown(left)},
        {"input_type", typing::shown(right)},
        {"explanation", link.explanation},
        {"suggestions", std::move(suggestions)}};
  }

  void check_literal(std::size_t i, const NodePort& port, const schema::Argument& argument,
                     const json::object& origins) {
    const json::value* origin = origins.if_contains(port.name);
    const bool more = origin != nullptr && origin->is_array();  // *args: only the input gives it a literal
    const std::string from = more                                       ? "input"
                             : origin != nullptr && origin->is_string() ? std::string(origin->as_string())
                                                                        : "";
    const bool nothing = from == "nothing given";
    if (plan_.types == flow::TypeChecks::off || ((nothing || from == "input") && !look_.with_input)) return;
    const flow::Node& node = plan_.steps[i].node;
    const bool given = from == "literal";
    std::string at = given ? node.inputs_pointer : "/input";
    if (given || whole_input_is_named(port)) at += "/" + port.name;
    const json::value value = argument.literal ? *argument.literal : json::value();
    if (!steps_.spend(kSchemaSteps)) {
      ++literals_left_out_;
      return;
    }
    schema::SchemaWriter writer(classes(i));
    const json::object schema = writer.finish(writer.schema_of(port.type));
    steps_.spend(static_cast<std::size_t>(writer.parts()));
    schema::Problems problems = schema::check_json(value, schema, steps_, at);
    const std::string custom = declared(node, "in " + port.name);
    const auto named = custom.empty() ? catalog_.documented(port.type, classes(i)).name : custom;
    if (const typing::CustomType* type = catalog_.find(named); type != nullptr && !type->schema.empty())
      for (auto& problem : schema::check_json(value, type->schema, steps_, at)) problems.push_back(std::move(problem));
    if (steps_.is_exhausted()) ++literals_left_out_;
    if (nothing) {
      if (!problems.empty())
        add(i, Severity::error, "missing_argument",
            fmt::format("missing argument '{}', which takes {}: connect it, or give it in \"inputs\" or in the "
                        "execution's input",
                        port.name, schema::text(port.type)),
            {});
      return;
    }
    for (const schema::Problem& problem : problems) {
      Finding& finding = add(i, Severity::error, given ? "invalid_literal" : "invalid_input",
                             fmt::format("the value for input '{}', which takes {}: {}: {}", port.name,
                                         schema::text(port.type), problem.pointer, problem.what),
                             problem.pointer);
      finding.details = {{"parameter", port.name}, {"input_type", schema::text(port.type)}};
    }
  }

  bool whole_input_is_named(const NodePort& port) const {
    const json::object* object = input_ ? input_->if_object() : nullptr;
    return object != nullptr && object->contains(port.name);
  }

  const flow::Plan& plan_;
  const std::vector<StepTypes>& types_;
  const typing::Catalog& catalog_;
  const Look& look_;
  std::optional<json::value> input_;
  std::size_t entries_ = 0;
  FlowTypes flow_;
  std::vector<bool> absent_;  ///< steps
  int looks_ = kLooksOfAll;
  schema::CheckBudget steps_;
  std::size_t links_left_out_ = 0, literals_left_out_ = 0;
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> check_types(const flow::Plan& plan, const std::vector<StepTypes>& types,
                                 const typing::Catalog& catalog, const Look& look) {
  return Checker(plan, types, catalog, look).check();
}

}  // namespace qflow::check

#include "daemon/flow/binding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/base/fault.hpp"

namespace qflow::flow {
namespace {

class Binder {
 public:
  Binder(const Step& step, const Plan& plan, const SourceList& sources, const schema::Function& function,
         std::uint32_t (*call_of)(std::size_t))
      : step_(step), plan_(plan), sources_(sources), function_(function), call_of_(call_of) {}

  Binding bind(const std::optional<json::value>& input, std::size_t entries) {
    const bool from_steps =
        std::any_of(sources_.begin(), sources_.end(), [](const Source* s) { return s->step.has_value(); });
    if (function_.parameters.empty() && !function_.var_positional && !function_.var_keyword) return std::move(out_);
    if (from_steps) bind_edges(input);
    else bind_literals_then_input(input, entries);
    return std::move(out_);
  }

  // By the names of the ports; without a source, the execution's input is the value.
  Binding bind_ports(const std::optional<json::value>& input) {
    if (sources_.empty()) {
      schema::Argument argument;
      argument.literal = input ? *input : json::value(json::object());
      put("value", std::move(argument), "input");
    }
    for (const Source* source : sources_) put(*source->input_port, argument_of(*source, input), origin_of(*source));
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(std::string code, const std::string& message) const {
    throw Fault(FaultKind::bad_input, std::move(code), fmt::format("node \"{}\": {}", step_.node.name, message),
                {{"node", step_.node.name}, {"node_id", step_.node.id}});
  }
  const schema::Parameter* parameter(std::string_view name) const {
    for (const auto& p : function_.parameters)
      if (p.name == name) return &p;
    return nullptr;
  }
  bool is_bound(const std::string& name) const { return bound_.count(name) != 0; }
  std::size_t required_unbound() const {
    return static_cast<std::size_t>(std::count_if(function_.parameters.begin(), function_.parameters.end(),
                                                  [&](const auto& p) { return p.required && !is_bound(p.name); }));
  }
  std::string signature() const {
    std::string text = function_.name + "(";
    for (const auto& p : function_.parameters) text += (text.ends_with("(") ? "" : ", ") + p.name;
    if (function_.var_positional) text += text.ends_with("(") ? "*args" : ", *args";
    if (function_.var_keyword) text += text.ends_with("(") ? "**kwargs" : ", **kwargs";
    return text + ")";
  }

  schema::Argument argument_of(const Source& source, const std::optional<json::value>& input) const {
    schema::Argument argument;
    if (!source.step) {
      argument.literal = input ? *input : json::value(json::object());
      return argument;
    }
    argument.handle = call_of_(*source.step);
    if (source.copy) argument.copy = true;
    if (source.error) return argument;
    const std::vector<std::string>& outputs = plan_.steps[*source.step].node.outputs;
    if (outputs.size() < 2) {
      if (source.output > 0 && outputs.empty() == false)
        fail("unknown_output", fmt::format("its input comes from output {} of \"{}\", which has one", source.output,
                                           plan_.steps[*source.step].node.name));
      return argument;
    }
    int item = source.output;
    if (source.output_port) {
      const auto at = std::find(outputs.begin(), outputs.end(), *source.output_port);
      if (at == outputs.end())
        fail("unknown_output",
             fmt::format("its input comes from output \"{}\" of \"{}\", which has: {}", *source.output_port,
                         plan_.steps[*source.step].node.name, fmt::join(outputs, ", ")));
      item = static_cast<int>(at - outputs.begin());
    }
    if (item >= static_cast<int>(outputs.size()))
      fail("unknown_output", fmt::format("its input comes from output {} of \"{}\", which has {}", item,
                                         plan_.steps[*source.step].node.name, outputs.size()));
    argument.item = item;
    argument.key = outputs[static_cast<std::size_t>(item)];
    argument.width = static_cast<int>(outputs.size());
    return argument;
  }

  void put(const std::string& name, schema::Argument argument, std::string origin) {
    argument.name = name;
    bound_.insert(name);
    out_.origins[name] = std::move(origin);
    out_.arguments.push_back(std::move(argument));
  }

  std::string origin_of(const Source& source) const {
    return source.step ? fmt::format("node {}", plan_.steps[*source.step].node.name) : "input";
  }

  // Rules 1 to 3: by port name; by index; further edges to one index fill the free parameters, then *args.
  void bind_edges(const std::optional<json::value>& input) {
    bind_literals(true);
    const bool single =
        sources_.size() == 1 && step_.sources.size() == 1 && !sources_[0]->input_port && sources_[0]->input == 0;
    const bool many_required = required_unbound() > 1;
    std::vector<const Source*> later;
    for (const Source* one : sources_) {
      const Source& source = *one;
      std::string name;
      if (source.input_port) {
        name = *source.input_port;
        if (parameter(name) == nullptr && !function_.var_keyword)
          fail("unknown_parameter",
               fmt::format("a connection goes to its input \"{}\", but the function is {}", name, signature()));
      } else if (const auto index = static_cast<std::size_t>(source.input); index < step_.node.ports.size()) {
        name = step_.node.ports[index];
        if (parameter(name) == nullptr && !function_.var_keyword)
          fail("unknown_parameter",
               fmt::format("its port {} is \"{}\", but the function is {}", index, name, signature()));
      } else if (index < function_.parameters.size()) {
        name = function_.parameters[index].name;
      }
      if (name.empty() || is_bound(name)) later.push_back(&source);
      else put(name, argument_of(source, input), origin_of(source));
    }
    for (const Source* source : later) place_anywhere(*source, input);
    if (single && many_required) {
      // Rule 4 depends on the value: the worker decides. A value it cannot spread is then a missing argument.
      out_.spread = true;
      return;
    }
    require_all();
  }

  void place_anywhere(const Source& source, const std::optional<json::value>& input) {
    for (const bool required : {true, false})
      for (const auto& p : function_.parameters)
        if (!is_bound(p.name) && p.required == required)
          return put(p.name, argument_of(source, input), origin_of(source));
    if (!function_.var_positional)
      fail("too_many_inputs",
           fmt::format("it has {} connections, but the function is {}", sources_.size(), signature()));
    out_.arguments.push_back(argument_of(source, input));
    json::value& rest = out_.origins["*args"];
    if (!rest.is_array()) rest = json::array();
    rest.get_array().push_back(json::value(json::string(origin_of(source))));
  }

  // Rule 5. With edges, literals for parameters that an edge feeds by index are ignored.
  void bind_literals(bool with_edges) {
    std::set<std::string> fed;
    if (with_edges)
      for (const Source* one : sources_) {
        const Source& source = *one;
        const auto index = static_cast<std::size_t>(source.input);
        if (source.input_port) fed.insert(*source.input_port);
        else if (index < step_.node.ports.size()) fed.insert(step_.node.ports[index]);
        else if (index < function_.parameters.size()) fed.insert(function_.parameters[index].name);
      }
    for (const auto& [key, value] : step_.node.literals) {
      const std::string name(key);
      if (fed.count(name) != 0) continue;
      if (parameter(name) == nullptr && !function_.var_keyword)
        fail("unknown_parameter",
             fmt::format("inputs has a value for \"{}\", but the function is {}", name, signature()));
      schema::Argument argument;
      argument.literal = value;
      put(name, std::move(argument), "literal");
    }
  }

  // Rule 7: an entry node takes the execution's input, by name if it is an object whose keys match, else as a whole.
  void bind_literals_then_input(const std::optional<json::value>& input, std::size_t entries) {
    bind_literals(false);
    bool matched = false;
    const json::object* object = input ? input->if_object() : nullptr;
    if (object != nullptr) {
      for (const auto& [key, value] : *object) {
        const std::string name(key);
        if (parameter(name) == nullptr && !(function_.var_keyword && entries == 1)) continue;
        matched = true;
        if (is_bound(name)) continue;
        schema::Argument argument;
        argument.literal = value;
        put(name, std::move(argument), "input");
      }
    }
    const bool given = input && !(object != nullptr && object->empty());
    const schema::Parameter* first = nullptr;
    for (const auto& p : function_.parameters)
      if (first == nullptr && !is_bound(p.name) && p.kind != "keyword") first = &p;
    if (given && !matched && first != nullptr && (first->required || entries == 1 || object == nullptr)) {
      schema::Argument argument;
      argument.literal = *input;
      put(first->name, std::move(argument), "input");
    } else if (given && !matched && first == nullptr && function_.var_positional) {
      schema::Argument argument;
      argument.literal = *input;
      out_.origins["*args"] = json::array{"input"};
      out_.arguments.push_back(std::move(argument));
    } else if (!given && required_unbound() == 1) {
      // Nothing given and one required parameter: pass an empty object, so that a sample workflow runs as it stands.
      const auto p = std::find_if(function_.parameters.begin(), function_.parameters.end(),
                                  [&](const auto& q) { return q.required && !is_bound(q.name); });
      schema::Argument argument;
      argument.literal = json::object();
      put(p->name, std::move(argument), "nothing given");
      out_.warnings.push_back(fmt::format("no input was given for '{}'; an empty object is passed", p->name));
    }
    require_all();
  }

  void require_all() const {
    std::string missing;
    for (const auto& p : function_.parameters)
      if (p.required && !is_bound(p.name)) missing += (missing.empty() ? "'" : ", '") + p.name + "'";
    if (!missing.empty())
      fail("missing_argument",
           fmt::format("missing argument {} of {}: connect it, or give it in \"inputs\" or in the execution's input",
                       missing, signature()));
  }

  const Step& step_;
  const Plan& plan_;
  const SourceList& sources_;
  const schema::Function& function_;
  std::uint32_t (*call_of_)(std::size_t);
  std::set<std::string> bound_;
  Binding out_;
};

}  // namespace

SourceList sources_of(const Step& step) {
  SourceList out;
  for (const Source& source : step.sources)
    if (!source.closes) out.push_back(&source);
  return out;
}

Binding bind_step(const Step& step, const Plan& plan, const SourceList& sources, const schema::Function& function,
                  const std::optional<json::value>& input, std::size_t entries, std::uint32_t (*call_of)(std::size_t)) {
  return Binder(step, plan, sources, function, call_of).bind(input, entries);
}

Binding bind_flow(const Step& step, const Plan& plan, const SourceList& sources,
                  const std::optional<json::value>& input, std::uint32_t (*call_of)(std::size_t)) {
  static const schema::Function kAny = [] {
    schema::Function any;
    any.name = "flow";
    any.var_keyword = true;
    return any;
  }();
  return Binder(step, plan, sources, kAny, call_of).bind_ports(input);
}

}  // namespace qflow::flow

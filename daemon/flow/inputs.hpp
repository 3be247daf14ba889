// The execution's input before it is bound: names that nothing takes, and texts and files whose kind the parameters
// decide. Any thread; runs no code.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/flow/plan.hpp"
#include "schema/messages.hpp"

namespace qflow::flow {

/// How strictly the members of an input have to be parameters.
enum class InputRules {
  named,  ///< each was given by its name: each must be one
  whole,  ///< one value: if one of its members is a parameter, all must be; if none is, the whole is the first argument
  open,   ///< an envelope, such as a webhook's request: members that nothing takes are left out
};

/// What was given by name as text or as a file; the input has the text of each.
struct GivenInputs {
  struct File {
    std::string name;  ///< of the file in the worker's input directory
    std::string bytes;
    bool is_text = true;
  };
  std::set<std::string> texts;        ///< the parameter's type decides whether the text is JSON
  std::map<std::string, File> files;  ///< the parameter's type decides: text, bytes or a Path
};

/// `functions`: of the plan's steps. Throws Fault(bad_input) that names the member, what was probably meant, and the
/// functions that take inputs.
void require_known_inputs(const Plan& plan, const std::vector<const schema::Function*>& functions,
                          const json::value& input, InputRules rules);

/// The input with each text and file as the parameter of its name takes it. Throws Fault(bad_input) for a file that is
/// no text where nothing asks for a Path or bytes.
json::value settled_input(const Plan& plan, const std::vector<const schema::Function*>& functions,
                          const json::value& input, const GivenInputs& given);

/// Whether a step takes the execution's input: it takes no other step's value.
bool is_entry(const Step& step);

}  // namespace qflow::flow

# Writes OUTPUT: a C++ array with the text of each of INPUTS, in the order of their numbers.
list(SORT INPUTS)
set(text "// Made from schema/migrations by CMake.\n#pragma once\nnamespace qflow::store {\ninline constexpr const char* kMigrations[] = {\n")
foreach(input IN LISTS INPUTS)
  file(READ ${input} sql)
  string(APPEND text "R\"sql(${sql})sql\",\n")
endforeach()
string(APPEND text "};\n}  // namespace qflow::store\n")
file(WRITE ${OUTPUT} "${text}")

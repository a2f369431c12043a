// A switch operation as JSON: what the database keeps and what the REST shows.
#pragma once

#include <string>
#include <string_view>

#include "console/core/switch_operation.h"

namespace penstock::console {

std::string to_json(const Operation& operation);
Result<Operation> parse_operation(std::string_view json);

}  // namespace penstock::console

// How a configuration file says how patient a port is.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/serve/patience.h"

namespace penstock::serve {

/// auth_timeout, command_timeout, reading_timeout and idle_timeout of `table`.
Patience read_patience(config::Reader& reader, const std::string& table);

}  // namespace penstock::serve

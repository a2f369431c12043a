// RESP2 encoding: commands as arrays of bulk strings (never inline: injection is impossible by construction),
// and the reply forms that our own servers send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/resp/value.h"

namespace penstock::resp {

using Command = std::vector<std::string>;

std::string encode_command(const Command& command);
void append_simple(std::string& out, std::string_view text);  ///< +text; CR and LF become spaces
void append_error(std::string& out, std::string_view text);   ///< -text; CR and LF become spaces
void append_integer(std::string& out, std::int64_t value);
void append_bulk(std::string& out, std::string_view bytes);
void append_nil(std::string& out);
void append_array_header(std::string& out, std::size_t count);
void append_value(std::string& out, const Value& value);

}  // namespace penstock::resp

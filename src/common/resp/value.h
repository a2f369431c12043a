// A RESP2 reply as a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::resp {

struct Nil {
  bool operator==(const Nil&) const = default;
};
struct ServerError {
  std::string
      text;  ///< without the leading '-', e.g. "READONLY You can't write against a read only replica."
  bool operator==(const ServerError&) const = default;
  bool has_code(std::string_view code) const { return text.substr(0, text.find(' ')) == code; }
};

struct Value {
  std::variant<Nil, std::string, std::int64_t, ServerError, std::vector<Value>> v;

  bool operator==(const Value&) const = default;
  bool is_nil() const { return std::holds_alternative<Nil>(v); }
  const std::string* string() const { return std::get_if<std::string>(&v); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&v); }
  const ServerError* error() const { return std::get_if<ServerError>(&v); }
  const std::vector<Value>* array() const { return std::get_if<std::vector<Value>>(&v); }
  bool is_ok() const { return string() && *string() == "OK"; }
};

}  // namespace penstock::resp

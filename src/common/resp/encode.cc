#include "common/resp/encode.h"

namespace penstock::resp {
namespace {

void append_line(std::string& out, char kind, std::string_view text) {
  out += kind;
  for (const char c : text) out += (c == '\r' || c == '\n') ? ' ' : c;
  out += "\r\n";
}

}  // namespace

std::string encode_command(const Command& command) {
  std::string out;
  append_array_header(out, command.size());
  for (const std::string& argument : command) append_bulk(out, argument);
  return out;
}

void append_simple(std::string& out, std::string_view text) {
  append_line(out, '+', text);
}
void append_error(std::string& out, std::string_view text) {
  append_line(out, '-', text);
}
void append_integer(std::string& out, std::int64_t value) {
  append_line(out, ':', std::to_string(value));
}
void append_nil(std::string& out) {
  out += "$-1\r\n";
}
void append_array_header(std::string& out, std::size_t count) {
  append_line(out, '*', std::to_string(count));
}

void append_bulk(std::string& out, std::string_view bytes) {
  append_line(out, '$', std::to_string(bytes.size()));
  out += bytes;
  out += "\r\n";
}

void append_value(std::string& out, const Value& value) {
  if (value.is_nil()) return append_nil(out);
  if (const auto* text = value.string()) return append_bulk(out, *text);
  if (const auto* number = value.integer()) return append_integer(out, *number);
  if (const auto* error = value.error()) return append_error(out, error->text);
  append_array_header(out, value.array()->size());
  for (const Value& element : *value.array()) append_value(out, element);
}

}  // namespace penstock::resp

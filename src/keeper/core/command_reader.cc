#include "keeper/core/command_reader.h"

#include <algorithm>
#include <charconv>

namespace penstock::keeper {
namespace {

using Command = std::vector<std::string>;

std::optional<std::size_t> number_in(std::string_view text, std::size_t max) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

/// Takes "<kind><number>\r\n" off `rest`. false: not all of it is there yet.
Result<bool> take_header(std::string_view& rest, char kind, std::size_t max, std::size_t& number) {
  const auto newline = rest.find('\n');
  if (newline == std::string_view::npos) {
    if (rest.size() > 32) return fail(Errc::protocol, "a header line without end");
    return false;
  }
  std::string_view line = rest.substr(0, newline);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto parsed = !line.empty() && line.front() == kind ? number_in(line.substr(1), max) : std::nullopt;
  if (!parsed)
    return fail(Errc::protocol,
                "expected '" + std::string(1, kind) + "' and a number up to " + std::to_string(max));
  number = *parsed;
  rest.remove_prefix(newline + 1);
  return true;
}

Command split_words(std::string_view line) {
  Command words;
  while (!line.empty()) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t\r"), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

}  // namespace

Result<> CommandReader::feed(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferMax) return fail(Errc::protocol, "a command is too large");
  buffer_ += bytes;
  return success();
}

Result<std::optional<Command>> CommandReader::next() {
  const auto first = buffer_.find_first_not_of("\r\n");
  buffer_.erase(0, std::min(first, buffer_.size()));
  if (buffer_.empty()) return std::optional<Command>();
  std::string_view rest = buffer_;
  Command command;
  if (rest.front() != '*') {
    const auto newline = rest.find('\n');
    if (newline == std::string_view::npos) {
      if (rest.size() > kArgumentBytesMax) return fail(Errc::protocol, "an inline command without end");
      return std::optional<Command>();
    }
    command = split_words(rest.substr(0, newline));
    buffer_.erase(0, newline + 1);
    if (command.empty()) return next();
    return std::optional(std::move(command));
  }
  std::size_t arguments = 0;
  PS_TRY(const bool counted, take_header(rest, '*', kArgumentsMax, arguments));
  if (!counted) return std::optional<Command>();
  for (std::size_t i = 0; i < arguments; ++i) {
    std::size_t length = 0;
    PS_TRY(const bool sized, take_header(rest, '$', kArgumentBytesMax, length));
    if (!sized || rest.size() < length + 2) return std::optional<Command>();
    if (rest.substr(length, 2) != "\r\n") return fail(Errc::protocol, "an argument longer than announced");
    command.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length + 2);
  }
  buffer_.erase(0, buffer_.size() - rest.size());
  if (command.empty()) return next();
  return std::optional(std::move(command));
}

}  // namespace penstock::keeper

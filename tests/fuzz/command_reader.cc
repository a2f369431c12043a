// Commands as clients send them, against a reader that has all of them at once and knows no state.
#include "common/serve/command_reader.h"

#include <charconv>

#include "fuzz/input.h"

namespace {

using namespace penstock;
using serve::CommandReader;
using Command = std::vector<std::string>;

struct Outcome {
  std::vector<Command> commands;
  bool broken = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(const std::vector<std::string_view>& pieces, serve::CommandLimits limits) {
  CommandReader reader(limits);
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    reader.feed(piece);
    for (;;) {
      auto command = reader.next();
      if (!command) {
        FUZZ_CHECK(command.error().code == Errc::protocol && !command.error().message.empty());
        FUZZ_CHECK(!reader.next(), "an error is final");
        outcome.broken = true;
        return outcome;
      }
      if (!command.value()) break;
      FUZZ_CHECK(!command.value()->empty());
      outcome.commands.push_back(std::move(*command.value()));
    }
    FUZZ_CHECK(reader.held_bytes() <= limits.command_bytes_max + limits.inline_bytes_max + 64,
               "%zu bytes are held", reader.held_bytes());
  }
  return outcome;
}

/// What stands before the newline at the front of `in`; nullopt: there is none.
std::optional<std::string_view> take_line(std::string_view& in) {
  const auto newline = in.find('\n');
  if (newline == std::string_view::npos) return std::nullopt;
  std::string_view line = in.substr(0, newline);
  in.remove_prefix(newline + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

enum class Found { whole, more, broken };

Found take_number(std::string_view& in, char kind, std::size_t max, std::size_t& number) {
  if (!in.empty() && in.front() != kind) return Found::broken;
  const std::string_view before = in;
  const auto line = take_line(in);
  if (!line) return before.size() > CommandReader::kHeaderBytesMax ? Found::broken : Found::more;
  if (before.size() - in.size() > CommandReader::kHeaderBytesMax) return Found::broken;
  const char* const end = line->data() + line->size();
  const auto [stop, error] = std::from_chars(line->data() + 1, end, number);
  return error == std::errc{} && stop == end && number <= max ? Found::whole : Found::broken;
}

Found take_words(std::string_view& in, serve::CommandLimits limits, Command& command) {
  const std::string_view before = in;
  const auto line = take_line(in);
  if (!line) return before.size() > limits.inline_bytes_max ? Found::broken : Found::more;
  if (before.size() - in.size() > limits.inline_bytes_max) return Found::broken;
  std::string word;
  for (const char c : std::string(*line) + ' ') {
    if (c != ' ' && c != '\t' && c != '\r') {
      word += c;
    } else if (!word.empty()) {
      command.push_back(std::exchange(word, {}));
    }
  }
  return Found::whole;
}

Found take_array(std::string_view& in, serve::CommandLimits limits, Command& command) {
  std::size_t arguments = 0, total = 0;
  if (const Found counted = take_number(in, '*', limits.arguments_max, arguments); counted != Found::whole)
    return counted;
  for (; arguments > 0; --arguments) {
    std::size_t length = 0;
    if (const Found sized = take_number(in, '$', limits.argument_bytes_max, length); sized != Found::whole)
      return sized;
    total += length;
    if (total > limits.command_bytes_max) return Found::broken;
    if (in.size() < length + 2) return Found::more;
    if (in.substr(length, 2) != "\r\n") return Found::broken;
    command.emplace_back(in.substr(0, length));
    in.remove_prefix(length + 2);
  }
  return Found::whole;
}

Outcome read_by_the_book(std::string_view in, serve::CommandLimits limits) {
  Outcome outcome;
  for (;;) {
    in.remove_prefix(std::min(in.find_first_not_of("\r\n"), in.size()));
    if (in.empty()) return outcome;
    Command command;
    const Found found = in.front() == '*' ? take_array(in, limits, command) : take_words(in, limits, command);
    outcome.broken = found == Found::broken;
    if (found != Found::whole) return outcome;
    if (!command.empty()) outcome.commands.push_back(std::move(command));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  const serve::CommandLimits few{
      .arguments_max = 4, .argument_bytes_max = 8, .command_bytes_max = 12, .inline_bytes_max = 16};
  const serve::CommandLimits limits = input.below(2) == 1 ? few : serve::CommandLimits{};
  const std::string_view bytes = input.rest();
  FUZZ_CHECK(read(fuzz::cut(bytes, how), limits) == read_by_the_book(bytes, limits));
  return 0;
}

#include "common/serve/command_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::serve {
namespace {

using Command = std::vector<std::string>;

constexpr std::size_t kInputKept = 32 << 10;  ///< memory that an idle connection may go on holding

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

auto too_large(const std::string& what, std::size_t max, const char* unit) {
  return fail(Errc::protocol, what + " of more than " + std::to_string(max) + " " + unit);
}

}  // namespace

Result<std::optional<Command>> CommandReader::next() {
  if (broken_.empty()) {
    const auto whole = read_one();
    if (!whole) {
      broken_ = whole.error().message;
    } else if (whole.value()) {
      command_bytes_ = 0;
      return std::optional(std::exchange(command_, {}));
    } else {
      forget_what_was_taken();
      return std::optional<Command>();
    }
  }
  return fail(Errc::protocol, broken_);
}

void CommandReader::forget_what_was_taken() {
  input_.erase(0, at_);
  at_ = 0;
  if (input_.empty() && input_.capacity() > kInputKept) input_ = {};
}

/// Goes on where the input ended the last time. false: it has ended again.
Result<bool> CommandReader::read_one() {
  for (;;) {
    if (arguments_left_ > 0) {
      PS_TRY(const bool taken, take_argument());
      if (!taken) return false;
      if (arguments_left_ == 0) return true;
      continue;
    }
    at_ = std::min(input_.find_first_not_of("\r\n", at_), input_.size());
    if (rest().empty()) return false;
    const bool array = rest().front() == '*';
    PS_TRY(const bool begun,
           array ? take_number('*', limits_.arguments_max, "arguments", arguments_left_) : take_words());
    if (!begun) return false;
    if (!command_.empty()) return true;
  }
}

Result<bool> CommandReader::take_words() {
  const std::string_view line = rest().substr(0, rest().find('\n'));
  const bool whole = line.size() < rest().size();
  if (line.size() + (whole ? 1 : 0) > limits_.inline_bytes_max)
    return too_large("an inline command", limits_.inline_bytes_max, "bytes");
  if (!whole) return false;
  command_ = split_words(line);
  at_ += line.size() + 1;
  return true;
}

Result<bool> CommandReader::take_argument() {
  if (!length_) {
    std::size_t length = 0;
    PS_TRY(const bool sized, take_number('$', limits_.argument_bytes_max, "bytes", length));
    if (!sized) return false;
    command_bytes_ += length;
    if (command_bytes_ > limits_.command_bytes_max)
      return too_large("a command", limits_.command_bytes_max, "bytes");
    length_ = length;
  }
  const std::size_t length = *length_;
  if (rest().size() < length + 2) return false;
  if (rest().substr(length, 2) != "\r\n") return fail(Errc::protocol, "an argument longer than announced");
  command_.emplace_back(rest().substr(0, length));
  at_ += length + 2;
  length_.reset();
  --arguments_left_;
  return true;
}

/// Takes "<kind><number>\r\n". false: not all of it is there yet.
Result<bool> CommandReader::take_number(char kind, std::size_t max, const char* unit, std::size_t& number) {
  if (rest().empty()) return false;
  const std::string expected = "expected '" + std::string(1, kind) + "' and a number";
  if (rest().front() != kind) return fail(Errc::protocol, expected);
  std::string_view line = rest().substr(0, rest().find('\n'));
  const bool whole = line.size() < rest().size();
  if (line.size() + (whole ? 1 : 0) > kHeaderBytesMax) return too_large("a header", kHeaderBytesMax, "bytes");
  if (!whole) return false;
  const std::size_t taken = line.size() + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  line.remove_prefix(1);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error == std::errc::invalid_argument || end != line.data() + line.size())
    return fail(Errc::protocol, expected);
  if (error != std::errc{} || number > max)
    return too_large(kind == '*' ? "a command" : "an argument", max, unit);
  at_ += taken;
  return true;
}

}  // namespace penstock::serve

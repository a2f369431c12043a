#include "keeper/core/boundary_scanner.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace penstock::keeper {
namespace {

// "*1234567890\r\n": a header line is never longer. Inline commands and garbage are found out by this.
constexpr std::size_t kLineMax = 32;
constexpr std::size_t kWordMax = 8;  // MULTI, EXEC, REPLCONF, GETACK: the longest word that matters

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, [](unsigned char a, unsigned char b) { return std::toupper(a) == b; });
}

std::optional<std::int64_t> length_of(std::string_view line) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(line.data() + 1, line.data() + line.size(), number);
  if (error != std::errc{} || end != line.data() + line.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

BoundaryScanner::BoundaryScanner(std::int64_t start)
    : offset_(start), command_boundary_(start), transaction_boundary_(start) {}

std::int64_t BoundaryScanner::end() const { return offset_; }
std::int64_t BoundaryScanner::command_boundary() const { return command_boundary_; }
std::int64_t BoundaryScanner::transaction_boundary() const { return transaction_boundary_; }
bool BoundaryScanner::inside_transaction() const { return inside_multi_; }
int BoundaryScanner::getacks_in_last_feed() const { return getacks_; }

Error BoundaryScanner::desynchronised(std::string_view what) {
  broken_ = true;
  return Error{Errc::protocol, "replication stream at offset " + std::to_string(offset_) + ": " + std::string(what)};
}

Result<> BoundaryScanner::feed(std::string_view bytes) {
  getacks_ = 0;
  if (broken_) return fail(desynchronised("desynchronised before"));
  while (!bytes.empty()) {
    if (expect_ == Expect::body) {
      const auto taken = static_cast<std::size_t>(std::min<std::int64_t>(body_left_, static_cast<std::int64_t>(bytes.size())));
      std::string& word = argument_ == 0 ? name_ : second_;
      if (argument_ < 2 && word.size() <= kWordMax) {
        // One byte more than a word that matters is kept, so that a longer word is not taken for its beginning.
        const auto text_left = static_cast<std::size_t>(std::max<std::int64_t>(body_left_ - 2, 0));
        word.append(bytes.substr(0, std::min({taken, text_left, kWordMax + 1 - word.size()})));
      }
      offset_ += static_cast<std::int64_t>(taken);
      body_left_ -= static_cast<std::int64_t>(taken);
      bytes.remove_prefix(taken);
      if (body_left_ == 0) end_argument();
      continue;
    }
    if (expect_ == Expect::array && line_.empty() && bytes.front() == '\n') {
      // A relay below us may have put a keep-alive into the stream: it counts as a byte and changes nothing.
      ++offset_;
      bytes.remove_prefix(1);
      command_boundary_ = offset_;
      if (!inside_multi_) transaction_boundary_ = offset_;
      continue;
    }
    const auto newline = bytes.find('\n');
    const std::size_t taken = newline == std::string_view::npos ? bytes.size() : newline + 1;
    if (line_.size() + taken > kLineMax) return fail(desynchronised("no command header"));
    if (line_.empty() && newline != std::string_view::npos) {
      offset_ += static_cast<std::int64_t>(taken);
      PS_TRY(take_line(bytes.substr(0, taken)));
    } else {
      line_.append(bytes.substr(0, taken));
      offset_ += static_cast<std::int64_t>(taken);
      if (newline != std::string_view::npos) {
        const std::string line = std::exchange(line_, {});
        PS_TRY(take_line(line));
      }
    }
    bytes.remove_prefix(taken);
  }
  return success();
}

Result<> BoundaryScanner::take_line(std::string_view line) {
  if (line.size() < 4 || !line.ends_with("\r\n")) return fail(desynchronised("no command header"));
  line.remove_suffix(2);
  const auto length = length_of(line);
  if (expect_ == Expect::array) {
    if (line.front() != '*' || !length || *length == 0) return fail(desynchronised("no command where one begins"));
    begin_command(*length);
  } else {
    if (line.front() != '$' || !length) return fail(desynchronised("no argument where one begins"));
    body_left_ = *length + 2;
    expect_ = Expect::body;
  }
  return success();
}

void BoundaryScanner::begin_command(std::int64_t arguments) {
  arguments_left_ = arguments;
  argument_ = 0;
  name_.clear();
  second_.clear();
  expect_ = Expect::bulk;
}

void BoundaryScanner::end_argument() {
  expect_ = Expect::bulk;
  if (argument_ < 2) ++argument_;
  if (--arguments_left_ == 0) end_command();
}

void BoundaryScanner::end_command() {
  expect_ = Expect::array;
  command_boundary_ = offset_;
  if (equals_ignoring_case(name_, "MULTI")) inside_multi_ = true;
  if (equals_ignoring_case(name_, "EXEC") || equals_ignoring_case(name_, "DISCARD")) inside_multi_ = false;
  if (equals_ignoring_case(name_, "REPLCONF") && equals_ignoring_case(second_, "GETACK")) ++getacks_;
  if (!inside_multi_) transaction_boundary_ = offset_;
}

}  // namespace penstock::keeper

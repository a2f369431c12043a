#include "keeper/core/boundary_scanner.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

namespace penstock::keeper {
namespace {

// Lengths up to 999 TB and as many arguments: beyond any server's limits, and far from overflow.
constexpr std::uint8_t kDigitsMax = 15;

constexpr std::string_view kMulti = "MULTI", kExec = "EXEC", kDiscard = "DISCARD", kReplconf = "REPLCONF",
                           kGetack = "GETACK";

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// `upper` is letters only, so clearing one bit makes the other side's letters, and nothing else, equal to them.
bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, [](char a, char b) { return (a & ~0x20) == b; });
}

}  // namespace

static_assert(std::is_trivially_copyable_v<BoundaryScanner>);

BoundaryScanner::BoundaryScanner(std::int64_t start)
    : offset_(start), command_boundary_(start), transaction_boundary_(start) {}

Result<> BoundaryScanner::feed(std::string_view bytes) {
  getacks_ = 0;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end && !broken_) at = expect_ == Expect::body ? take_body(at, end) : take_header(at, end);
  if (!broken_) return success();
  return fail(Errc::protocol, "replication stream at offset " + std::to_string(offset_ + 1) + ": " + broken_);
}

/// "*<arguments>\r\n" or "$<length>\r\n", from wherever the last feed left off in it.
const char* BoundaryScanner::take_header(const char* at, const char* end) {
  const char* const begin = at;
  if (header_ == Header::kind) {
    if (*at == '\n' && expect_ == Expect::array) {
      ++offset_;
      reach_boundary();
      return at + 1;
    }
    if (*at != (expect_ == Expect::array ? '*' : '$')) {
      broken_ = expect_ == Expect::array ? "no command where one begins" : "no argument where one begins";
      return at;
    }
    ++at;
    number_ = 0;
    digits_ = 0;
    header_ = Header::digits;
  }
  if (header_ == Header::digits) {
    for (; at != end && is_digit(*at) && digits_ < kDigitsMax; ++at, ++digits_) number_ = number_ * 10 + (*at - '0');
    if (at != end) {
      const bool counts = number_ > 0 || expect_ == Expect::bulk;  // a command has a name, a value may be empty
      if (*at != '\r' || digits_ == 0 || !counts) {
        broken_ = "a header without a length that makes sense";
      } else {
        ++at;
        header_ = Header::newline;
      }
    }
  }
  if (header_ == Header::newline && at != end) {
    if (*at == '\n') {
      ++at;
      end_header();
    } else {
      broken_ = "a header line that does not end";
    }
  }
  offset_ += at - begin;
  return at;
}

void BoundaryScanner::end_header() {
  header_ = Header::kind;
  if (expect_ == Expect::array) {
    arguments_left_ = number_;
    argument_ = 0;
    command_ = Word::other;
    asks_for_ack_ = false;
    expect_ = Expect::bulk;
    return;
  }
  body_left_ = number_ + 2;
  word_size_ = 0;
  word_wanted_ = number_ <= static_cast<std::int64_t>(kWordMax) &&
                 (argument_ == 0 || (argument_ == 1 && command_ == Word::replconf));
  expect_ = Expect::body;
}

/// The value, which is skipped, and its CRLF.
const char* BoundaryScanner::take_body(const char* at, const char* end) {
  const char* const begin = at;
  if (body_left_ > 2) {
    const auto part = std::min<std::int64_t>(end - at, body_left_ - 2);
    if (word_wanted_) {
      std::memcpy(word_.data() + word_size_, at, static_cast<std::size_t>(part));
      word_size_ = static_cast<std::uint8_t>(word_size_ + part);
    }
    at += part;
    body_left_ -= part;
  }
  for (; body_left_ <= 2 && body_left_ > 0 && at != end; ++at, --body_left_) {
    if (*at == (body_left_ == 2 ? '\r' : '\n')) continue;
    broken_ = "a value that does not end where it said";
    break;
  }
  offset_ += at - begin;
  if (body_left_ == 0) end_argument();
  return at;
}

BoundaryScanner::Word BoundaryScanner::word() const {
  const std::string_view text(word_.data(), word_size_);
  if (equals_ignoring_case(text, kMulti)) return Word::multi;
  if (equals_ignoring_case(text, kExec) || equals_ignoring_case(text, kDiscard)) return Word::exec;
  if (equals_ignoring_case(text, kReplconf)) return Word::replconf;
  if (equals_ignoring_case(text, kGetack)) return Word::getack;
  return Word::other;
}

void BoundaryScanner::end_argument() {
  expect_ = Expect::bulk;
  if (word_wanted_) {
    if (argument_ == 0) command_ = word();
    else asks_for_ack_ = word() == Word::getack;
  }
  if (argument_ < 2) ++argument_;
  if (--arguments_left_ == 0) end_command();
}

void BoundaryScanner::end_command() {
  expect_ = Expect::array;
  if (command_ == Word::multi) inside_multi_ = true;
  if (command_ == Word::exec) inside_multi_ = false;
  if (asks_for_ack_) ++getacks_;
  reach_boundary();
}

void BoundaryScanner::reach_boundary() {
  command_boundary_ = offset_;
  if (!inside_multi_) transaction_boundary_ = offset_;
}

}  // namespace penstock::keeper

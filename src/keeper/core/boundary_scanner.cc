#include "keeper/core/boundary_scanner.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

namespace penstock::keeper {
namespace {

// Lengths up to 999 TB and as many arguments: beyond any server's limits, and far from overflow.
constexpr std::uint8_t kDigitsMax = 15;

bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

/// A word of at most 8 bytes as a number. Clearing one bit makes a letter of either case, and nothing else, a
/// capital.
constexpr std::uint64_t packed(std::string_view text) {
  std::uint64_t word = 0;
  for (const char c : text) word = word << 8 | (static_cast<unsigned char>(c) & 0xdfU);
  return word;
}

/// "<kind><number>\r\n" that stands at `at` whole; moves `at` behind it. Anything else: -1, nothing moved.
std::int64_t whole_header(const char*& at, const char* end, char kind) {
  if (end - at < 4 || *at != kind || !is_digit(at[1])) return -1;
  std::int64_t number = at[1] - '0';
  const char* p = at + 2;
  for (; p != end && is_digit(*p); ++p) {
    if (p - at > kDigitsMax) return -1;
    number = number * 10 + (*p - '0');
  }
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return -1;
  at = p + 2;
  return number;
}

}  // namespace

static_assert(std::is_trivially_copyable_v<BoundaryScanner>);

BoundaryScanner::BoundaryScanner(std::int64_t start)
    : offset_(start), command_boundary_(start), transaction_boundary_(start) {}

Result<> BoundaryScanner::feed(std::string_view bytes) {
  getacks_ = 0;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end && !broken_) {
    if (expect_ == Expect::array && header_ == Header::kind) at = take_whole_commands(at, end);
    if (at != end) at = expect_ == Expect::body ? take_body(at, end) : take_header(at, end);
  }
  if (!broken_) return success();
  return fail(Errc::protocol, "replication stream at offset " + std::to_string(offset_ + 1) + ": " + broken_);
}

/// The fast path: commands that stand in the input from beginning to end. It stops at the first one that does
/// not, or that is wrong somewhere; the paths below take that one byte by byte and say what is wrong.
const char* BoundaryScanner::take_whole_commands(const char* at, const char* const end) {
  for (;;) {
    const char* p = at;
    const std::int64_t arguments = whole_header(p, end, '*');
    if (arguments <= 0) return at;
    command_ = Word::other;
    asks_for_ack_ = false;
    for (std::int64_t i = 0; i < arguments; ++i) {
      const std::int64_t length = whole_header(p, end, '$');
      if (length < 0 || end - p < length + 2) return at;
      if (p[length] != '\r' || p[length + 1] != '\n') return at;
      if (i < 2 && length <= static_cast<std::int64_t>(kWordMax))
        take_word(i, {p, static_cast<std::size_t>(length)});
      p += length + 2;
    }
    offset_ += p - at;
    at = p;
    end_command();
  }
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
    for (; at != end && is_digit(*at) && digits_ < kDigitsMax; ++at, ++digits_)
      number_ = number_ * 10 + (*at - '0');
    if (at != end) {
      const bool counts =
          number_ > 0 || expect_ == Expect::bulk;  // a command has a name, a value may be empty
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
  word_wanted_ = number_ <= static_cast<std::int64_t>(kWordMax) && argument_ < 2;
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

void BoundaryScanner::take_word(std::int64_t argument, std::string_view text) {
  if (argument == 1) {
    asks_for_ack_ = command_ == Word::replconf && text.size() == 6 && packed(text) == packed("GETACK");
    return;
  }
  switch (text.size()) {
    case 4:
      if (packed(text) == packed("EXEC")) command_ = Word::exec;
      if (packed(text) == packed("PING")) command_ = Word::idle;
      break;
    case 5:
      if (packed(text) == packed("MULTI")) command_ = Word::multi;
      break;
    case 6:
      if (packed(text) == packed("SELECT")) command_ = Word::idle;
      break;
    case 7:
      if (packed(text) == packed("DISCARD")) command_ = Word::exec;
      if (packed(text) == packed("PUBLISH")) command_ = Word::idle;
      break;
    case 8:
      if (packed(text) == packed("REPLCONF")) command_ = Word::replconf;
      break;
    default:
      break;
  }
}

void BoundaryScanner::end_argument() {
  expect_ = Expect::bulk;
  if (word_wanted_) take_word(argument_, {word_.data(), word_size_});
  if (argument_ < 2) ++argument_;
  if (--arguments_left_ == 0) end_command();
}

void BoundaryScanner::end_command() {
  expect_ = Expect::array;
  if (command_ == Word::multi) inside_multi_ = true;
  if (command_ == Word::exec) inside_multi_ = false;
  if (command_ == Word::other) saw_data_ = true;
  if (asks_for_ack_) ++getacks_;
  reach_boundary();
}

void BoundaryScanner::reach_boundary() {
  command_boundary_ = offset_;
  if (!inside_multi_) transaction_boundary_ = offset_;
}

}  // namespace penstock::keeper

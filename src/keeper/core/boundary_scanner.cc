#include "keeper/core/boundary_scanner.h"

#include <algorithm>
#include <cstring>
#include <optional>
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

/// Streams repeat themselves: a header is mostly the one that stood at the same place of the command before.
/// Knowing its number beforehand, the processor does not wait for it to go on with what stands behind the
/// value.
class ExpectedHeader {
 public:
  /// As whole_header(). Inline, and with a copy of `at` where it is not: then it stays in a register.
  [[gnu::always_inline]] std::int64_t take(const char*& at, const char* end, char kind) {
    if (end - at >= kBytes) {
      std::uint64_t there;
      std::memcpy(&there, at, sizeof there);
      if ((there & mask_) == bytes_) {
        at += size_;
        return number_;
      }
    }
    const char* behind = at;
    const std::int64_t number = learn(behind, end, kind);
    at = behind;
    return number;
  }

 private:
  static constexpr std::ptrdiff_t kBytes = 8;

  [[gnu::noinline]] std::int64_t learn(const char*& at, const char* end, char kind) {
    const char* const begin = at;
    const std::int64_t number = whole_header(at, end, kind);
    if (number < 0 || at - begin > kBytes) return number;
    size_ = at - begin;
    bytes_ = mask_ = 0;
    std::memset(&mask_, 0xff, static_cast<std::size_t>(size_));
    std::memcpy(&bytes_, begin, static_cast<std::size_t>(size_));
    number_ = number;
    return number;
  }

  std::uint64_t bytes_ = 1, mask_ = 0;  // as many bytes as the header has; at first none fits
  std::ptrdiff_t size_ = 0;
  std::int64_t number_ = 0;
};

/// "$<length>\r\n<value>\r\n" that stands at `at` whole; moves `at` behind it, and gives the value. nullopt:
/// it does not, and `at` is anywhere.
[[gnu::always_inline]] inline std::optional<std::string_view> whole_argument(ExpectedHeader& header,
                                                                             const char*& at,
                                                                             const char* end) {
  const std::int64_t length = header.take(at, end, '$');
  if (length < 0 || end - at < length + 2 || at[length] != '\r' || at[length + 1] != '\n')
    return std::nullopt;
  const std::string_view value(at, static_cast<std::size_t>(length));
  at += length + 2;
  return value;
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
  const char* outside = inside_multi_ ? nullptr : at;  // the last boundary of a transaction
  const char* const begin = at;
  std::array<ExpectedHeader, 4>
      expected;  // of the command and its first arguments; the last is of all others
  for (const char* p = at;; at = p) {
    std::int64_t arguments = expected[0].take(p, end, '*');
    if (arguments <= 0) break;
    const auto name = whole_argument(expected[1], p, end);
    if (!name) break;
    const Word command = word_of(*name);
    bool asks_for_ack = false;
    if (--arguments > 0) {
      const auto second = whole_argument(expected[2], p, end);
      if (!second) break;
      asks_for_ack = command == Word::replconf && is_getack(*second);
      --arguments;
    }
    while (arguments > 0 && whole_argument(expected[3], p, end)) --arguments;
    if (arguments > 0) break;
    note(command, asks_for_ack);
    if (!inside_multi_) outside = p;
  }
  offset_ += at - begin;
  command_boundary_ = offset_;
  if (outside) transaction_boundary_ = offset_ - (at - outside);
  return at;
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

BoundaryScanner::Word BoundaryScanner::word_of(std::string_view name) {
  switch (name.size()) {
    case 4:
      if (packed(name) == packed("EXEC")) return Word::exec;
      if (packed(name) == packed("PING")) return Word::idle;
      break;
    case 5:
      if (packed(name) == packed("MULTI")) return Word::multi;
      break;
    case 6:
      if (packed(name) == packed("SELECT")) return Word::idle;
      break;
    case 7:
      if (packed(name) == packed("DISCARD")) return Word::exec;
      if (packed(name) == packed("PUBLISH")) return Word::idle;
      break;
    case 8:
      if (packed(name) == packed("REPLCONF")) return Word::replconf;
      break;
    default:
      break;
  }
  return Word::other;
}

bool BoundaryScanner::is_getack(std::string_view option) {
  return option.size() == 6 && packed(option) == packed("GETACK");
}

void BoundaryScanner::end_argument() {
  expect_ = Expect::bulk;
  if (word_wanted_) {
    const std::string_view text{word_.data(), word_size_};
    if (argument_ == 0) command_ = word_of(text);
    if (argument_ == 1) asks_for_ack_ = command_ == Word::replconf && is_getack(text);
  }
  if (argument_ < 2) ++argument_;
  if (--arguments_left_ > 0) return;
  expect_ = Expect::array;
  note(command_, asks_for_ack_);
  reach_boundary();
}

/// What a command that has ended changes.
void BoundaryScanner::note(Word command, bool asks_for_ack) {
  if (command == Word::multi) inside_multi_ = true;
  if (command == Word::exec) inside_multi_ = false;
  if (command == Word::other) saw_data_ = true;
  if (asks_for_ack) ++getacks_;
}

void BoundaryScanner::reach_boundary() {
  command_boundary_ = offset_;
  if (!inside_multi_) transaction_boundary_ = offset_;
}

}  // namespace penstock::keeper

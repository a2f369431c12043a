#include "keeper/core/rdb_framing.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::keeper {
namespace {

constexpr std::size_t kHeaderMax = 256;  // "$EOF:" and 40 bytes, or an error text
constexpr std::size_t kMarkBytes = 40;

}  // namespace

bool RdbFraming::header_seen() const {
  return stage_ != Stage::header;
}
std::optional<std::int64_t> RdbFraming::length() const {
  return length_;
}
bool RdbFraming::uses_eof_mark() const {
  return !mark_.empty();
}

Result<RdbFraming::Progress> RdbFraming::feed(std::string_view input) {
  switch (stage_) {
    case Stage::header:
      return feed_header(input);
    case Stage::body_length:
      return feed_length(input);
    case Stage::body_mark:
      return feed_mark(input);
    case Stage::done:
      break;
  }
  return Progress{{}, 0, true};
}

Result<RdbFraming::Progress> RdbFraming::feed_header(std::string_view input) {
  const auto newline = input.find('\n');
  const std::size_t taken = newline == std::string_view::npos ? input.size() : newline + 1;
  line_.append(input.substr(0, taken));
  if (line_ == "\n" || line_ == "\r\n") {
    line_.clear();  // keep-alive while the master forks and saves
    return Progress{{}, taken, false};
  }
  if (line_.size() > kHeaderMax)
    return fail(Errc::protocol, "no RDB header within " + std::to_string(kHeaderMax) + " bytes");
  if (newline == std::string_view::npos) return Progress{{}, taken, false};
  std::string line = std::exchange(line_, {});
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  PS_TRY(take_header(line));
  return Progress{{}, taken, false};
}

Result<> RdbFraming::take_header(std::string_view line) {
  if (line.starts_with('-'))
    return fail(Errc::refused, "the master answers instead of an RDB: " + std::string(line.substr(1)));
  if (line.starts_with("$EOF:")) {
    mark_ = line.substr(5);
    if (mark_.size() != kMarkBytes)
      return fail(Errc::protocol, "RDB header: an EOF mark of " + std::to_string(mark_.size()) + " bytes");
    stage_ = Stage::body_mark;
    return success();
  }
  std::int64_t length = 0;
  const char* const end = line.data() + line.size();
  if (!line.starts_with('$'))
    return fail(Errc::protocol, "RDB header: '" + std::string(line.substr(0, 40)) + "' is none");
  const auto [stop, error] = std::from_chars(line.data() + 1, end, length);
  if (error != std::errc{} || stop != end || length <= 0)
    return fail(Errc::protocol, "RDB header: bad length '" + std::string(line.substr(0, 40)) + "'");
  length_ = left_ = length;
  stage_ = Stage::body_length;
  return success();
}

Result<RdbFraming::Progress> RdbFraming::feed_length(std::string_view input) {
  const auto taken =
      static_cast<std::size_t>(std::min<std::int64_t>(left_, static_cast<std::int64_t>(input.size())));
  left_ -= static_cast<std::int64_t>(taken);
  if (left_ == 0) stage_ = Stage::done;
  return Progress{input.substr(0, taken), taken, left_ == 0};
}

/// How many bytes at the end of `bytes` may be the beginning of `mark`.
std::size_t RdbFraming::mark_begun(std::string_view bytes) const {
  for (std::size_t n = std::min(bytes.size(), kMarkBytes - 1); n > 0; --n)
    if (bytes.ends_with(std::string_view(mark_).substr(0, n))) return n;
  return 0;
}

/// The mark may be cut anywhere, so an end that may be its beginning is held back. The mark is random: that
/// it stands somewhere is that the RDB ends there (Redis itself compares the tail of each read only). Without
/// anything held back the payload is a view into the input; with it, as much input is added as is needed to
/// tell.
Result<RdbFraming::Progress> RdbFraming::feed_mark(std::string_view input) {
  const std::size_t held_before = held_.size();
  std::string_view bytes = input;
  if (held_before > 0) {
    out_ = std::exchange(held_, {});
    out_ += input.substr(0, kMarkBytes);
    bytes = out_;
  }
  if (const auto at = bytes.find(mark_); at != std::string_view::npos) {
    stage_ = Stage::done;
    return Progress{bytes.substr(0, at), at + kMarkBytes - held_before, true};
  }
  const std::size_t keep = mark_begun(bytes);
  held_ = bytes.substr(bytes.size() - keep);
  return Progress{bytes.substr(0, bytes.size() - keep), bytes.size() - held_before, false};
}

}  // namespace penstock::keeper

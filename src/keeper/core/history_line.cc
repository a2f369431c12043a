#include "keeper/core/history_line.h"

#include <charconv>
#include <optional>

namespace penstock::keeper {
namespace {

/// Up to the next `end`, which is taken as well.
std::string_view take_until(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const std::string_view word = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return word;
}

std::optional<std::int64_t> offset_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > kOffsetMax)
    return std::nullopt;
  return value;
}

}  // namespace

std::string to_line(const HistoryAnswer& answer) {
  const UpstreamHistory& history = answer.history;
  std::string line = "HISTORY " + history.replid + " " + std::to_string(history.end) + " " +
                     std::to_string(answer.boundary) + (answer.has_data ? " data" : " nothing");
  for (const OldReplId& old : history.old_ids) line += " " + old.id + ":" + std::to_string(old.limit);
  return line;
}

Result<HistoryAnswer> parse_history(std::string_view line) {
  const auto bad = [&](const char* what) {
    return fail(Errc::protocol,
                "HISTORY: " + std::string(what) + ": '" + std::string(line.substr(0, 100)) + "'");
  };
  std::string_view rest = line;
  if (take_until(rest, ' ') != "HISTORY") return bad("it is none");
  const std::string_view replid = take_until(rest, ' ');
  const auto end = offset_in(take_until(rest, ' '));
  const auto boundary = offset_in(take_until(rest, ' '));
  const std::string_view data = take_until(rest, ' ');
  if (!is_replid(replid)) return bad("bad replid");
  if (!end || !boundary || *boundary > *end) return bad("bad offsets");
  if (data != "data" && data != "nothing") return bad("neither data nor nothing");
  HistoryAnswer answer{{std::string(replid), {}, *end}, *boundary, data == "data"};
  while (!rest.empty()) {
    const std::string_view id = take_until(rest, ':');
    const auto limit = offset_in(take_until(rest, ' '));
    if (!is_replid(id) || !limit || answer.history.old_ids.size() >= kOldReplIdsMax) return bad("bad old id");
    answer.history.old_ids.push_back({std::string(id), *limit});
  }
  return answer;
}

}  // namespace penstock::keeper

#include "metaserver/face/glob.h"

#include <algorithm>
#include <optional>

namespace penstock::metaserver {
namespace {

/// Takes "a-z]" from behind the bracket; whether `c` is one of them. One that never ends, ends with the
/// pattern.
bool take_class(std::string_view& pattern, char c) {
  const bool negated = pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.empty() && pattern.front() != ']') {
    if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    char low = pattern.front(), high = low;
    if (pattern.size() >= 3 && pattern[1] == '-') {
      high = pattern[2];
      pattern.remove_prefix(2);
    }
    if (low > high) std::swap(low, high);
    found = found || (low <= c && c <= high);
    pattern.remove_prefix(1);
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return found != negated;
}

/// Takes one element, which is no star; whether it stands for `c`.
bool take_element(std::string_view& pattern, char c) {
  const char kind = pattern.front();
  pattern.remove_prefix(1);
  if (kind == '?') return true;
  if (kind == '[') return take_class(pattern, c);
  if (kind != '\\' || pattern.empty()) return kind == c;
  const char literal = pattern.front();
  pattern.remove_prefix(1);
  return literal == c;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  // Only the last star can have to take more: what stood before it is matched already.
  std::optional<std::string_view> after_star;
  std::string_view taken_from;
  for (;;) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      after_star = pattern;
      taken_from = text;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty() && take_element(pattern, text.front())) {
      text.remove_prefix(1);
      continue;
    }
    if (!after_star || taken_from.empty()) return false;
    taken_from.remove_prefix(1);
    pattern = *after_star;
    text = taken_from;
  }
}

}  // namespace penstock::metaserver

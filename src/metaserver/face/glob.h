// Patterns as PSUBSCRIBE has them. Pure.
#pragma once

#include <string_view>

namespace penstock::metaserver {

/// `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that means itself. Takes time in proportion to the
/// product of both lengths at worst.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace penstock::metaserver

// What a keeper says of its history to another one, in a line (KEEPER HISTORY, proto/keeper_commands.md).
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "keeper/core/repl_history.h"

namespace penstock::keeper {

struct HistoryAnswer {
  UpstreamHistory history;
  std::int64_t boundary = 0;  ///< a transaction boundary behind which all is there: a log may begin here
  bool has_data = false;      ///< a key has been seen in this history
  bool operator==(const HistoryAnswer&) const = default;
};

/// "HISTORY <replid> <end> <boundary> data|nothing [<old id>:<limit> …]", newest id first.
std::string to_line(const HistoryAnswer& answer);
Result<HistoryAnswer> parse_history(std::string_view line);

}  // namespace penstock::keeper

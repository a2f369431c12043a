// What metaservers tell each other of the masters: the pages of a ledger as JSON, and following the ledger of
// another one (GET /api/v1/masters).
#pragma once

#include <string>

#include "common/async/backoff.h"
#include "common/async/task.h"
#include "metaserver/core/master_ledger.h"

namespace penstock::metaserver {

std::string to_json(const LedgerPage& page);
Result<LedgerPage> parse_ledger_page(const std::string& text);

class LedgerFollower {
 public:
  /// `limit`: for an answer, beyond the time that the other waits for news.
  LedgerFollower(Address rest, Millis limit) : rest_(std::move(rest)), limit_(limit) {}

  /// The next page, which may be empty, after some time. After a failure it has paused already.
  Task<Result<LedgerPage>> next();

 private:
  Task<Result<LedgerPage>> ask();

  Address rest_;
  Millis limit_;
  std::string instance_;
  std::uint64_t version_ = 0;
  Backoff pause_{Millis{100}, Millis{2'000}};
};

}  // namespace penstock::metaserver

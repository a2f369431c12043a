// The verdict on PSYNC … FAILOVER, by which a master hands itself over to this keeper in a planned switch.
// Pure.
//
//   none ──ARM──► armed ──PSYNC FAILOVER (replid, offset fit)──► held ──ACCEPT──► accepted (persisted before
//   +CONTINUE) armed/held ──ABORT or TTL──► none: the master gets -ERR and becomes writable again accepted: a
//   repeated PSYNC … FAILOVER of the same replid and offset gets the same +CONTINUE, also after a restart;
//             any later SETSTATE ends it. Meanwhile whoever can be continued is, and nobody begins anew: what
//             the old master may have written beyond the hand-over exists nowhere else.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/model/model.h"

namespace penstock::keeper {

struct Handover {
  model::HandoverState state = model::HandoverState::none;
  std::string replid;           ///< armed for this history only
  std::uint64_t epoch = 0;      ///< of the ARM order
  std::int64_t expires_ms = 0;  ///< monotonic; meaningful while armed or held
  std::int64_t from = -1;       ///< held or accepted: what the old master asks to continue from (F + 1)
  bool operator==(const Handover&) const = default;
};

/// An hour: a master that waits for its verdict takes no writes.
inline constexpr std::int64_t kHandoverTtlMax = 3'600'000;

enum class FailoverVerdict { refuse, hold, accept };

/// ARM: refused while another hand-over (epoch or replid) stands accepted; stale_epoch below `highest_epoch`;
/// invalid_argument with a TTL outside 1..kHandoverTtlMax. The same ARM again prolongs what waits, and keeps
/// a hold.
Result<Handover> arm(const Handover& now, const std::string& replid, std::uint64_t epoch, std::int64_t ttl_ms,
                     std::uint64_t highest_epoch, std::int64_t now_ms);
/// A PSYNC replid from FAILOVER arrived. `end`: the keeper's last byte; only from == end + 1 and the current
/// replid fit.
struct FailoverAnswer {
  FailoverVerdict verdict = FailoverVerdict::refuse;
  std::string reason;  ///< of a refusal, for -ERR and the log
  Handover next;
};
FailoverAnswer on_psync_failover(const Handover& now, const std::string& current_replid,
                                 const std::string& replid, std::int64_t from, std::int64_t end,
                                 std::int64_t now_ms);
/// HOLD: the master is frozen at `offset` by other means than FAILOVER and cannot ask. Held as if it had;
/// refused where the request would have been.
Result<Handover> hold(const Handover& now, const std::string& current_replid, const std::string& replid,
                      std::int64_t offset, std::int64_t end, std::int64_t now_ms);
/// ACCEPT: only while held, and while the keeper still ends where it was held (the caller persists the
/// result, then answers +CONTINUE); again while accepted: the same.
Result<Handover> accept(const Handover& now, std::int64_t end, std::int64_t now_ms);
/// ABORT: refused once accepted; otherwise none.
Result<Handover> abort_handover(const Handover& now);
/// TTL: none when armed or held and past its time.
Handover expire(const Handover& now, std::int64_t now_ms);

}  // namespace penstock::keeper

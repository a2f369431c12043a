#include "keeper/core/handover.h"

#include "keeper/core/repl_history.h"

namespace penstock::keeper {

using model::HandoverState;

Handover expire(const Handover& now, std::int64_t now_ms) {
  const bool waits = now.state == HandoverState::armed || now.state == HandoverState::held;
  return waits && now_ms >= now.expires_ms ? Handover{} : now;
}

Result<Handover> arm(const Handover& now, const std::string& replid, std::uint64_t epoch, std::int64_t ttl_ms,
                     std::uint64_t highest_epoch, std::int64_t now_ms) {
  if (epoch < highest_epoch) return fail(Errc::stale_epoch, "have " + std::to_string(highest_epoch));
  if (ttl_ms <= 0 || ttl_ms > kHandoverTtlMax)
    return fail(Errc::invalid_argument, "TTL must be from 1 to " + std::to_string(kHandoverTtlMax) + " ms");
  const Handover current = expire(now, now_ms);
  const bool repeated = current.epoch == epoch && same_replid(current.replid, replid);
  if (current.state == HandoverState::accepted) {
    if (repeated) return current;
    return fail(Errc::refused, "a hand-over of " + current.replid + " was accepted at epoch " +
                                   std::to_string(current.epoch));
  }
  Handover next = repeated ? current : Handover{};
  if (next.state != HandoverState::held) next.state = HandoverState::armed;
  next.replid = replid;
  next.epoch = epoch;
  next.expires_ms = now_ms + ttl_ms;
  return next;
}

FailoverAnswer on_psync_failover(const Handover& now, const std::string& current_replid,
                                 const std::string& replid, std::int64_t from, std::int64_t end,
                                 std::int64_t now_ms) {
  const Handover current = expire(now, now_ms);
  const auto refuse = [&](std::string why) {
    return FailoverAnswer{FailoverVerdict::refuse, std::move(why), current};
  };
  if (current.state == HandoverState::none) return refuse("no hand-over is armed");
  if (!same_replid(replid, current.replid) || !same_replid(replid, current_replid))
    return refuse("the hand-over is for history " + current.replid);
  if (current.state == HandoverState::accepted) {
    if (from != current.from)
      return refuse("accepted at offset " + std::to_string(current.from) + " already");
    return {FailoverVerdict::accept, "", current};
  }
  if (from != end + 1)
    return refuse("this keeper ends at offset " + std::to_string(end) + ", " + std::to_string(from) +
                  " was asked for");
  Handover next = current;
  next.state = HandoverState::held;
  next.from = from;
  return {FailoverVerdict::hold, "", next};
}

Result<Handover> hold(const Handover& now, const std::string& current_replid, const std::string& replid,
                      std::int64_t offset, std::int64_t end, std::int64_t now_ms) {
  FailoverAnswer answer = on_psync_failover(now, current_replid, replid, offset + 1, end, now_ms);
  if (answer.verdict == FailoverVerdict::refuse) return fail(Errc::refused, std::move(answer.reason));
  return std::move(answer.next);
}

Result<Handover> accept(const Handover& now, std::int64_t end, std::int64_t now_ms) {
  Handover current = expire(now, now_ms);
  if (current.state == HandoverState::accepted) return current;
  if (current.state != HandoverState::held) return fail(Errc::refused, "no hand-over is held");
  if (end != current.from - 1)
    return fail(Errc::refused, "held at offset " + std::to_string(current.from - 1) +
                                   ", and this keeper ends at " + std::to_string(end) + " now");
  current.state = HandoverState::accepted;
  return current;
}

Result<Handover> abort_handover(const Handover& now) {
  if (now.state == HandoverState::accepted) return fail(Errc::refused, "already accepted");
  return Handover{};
}

}  // namespace penstock::keeper

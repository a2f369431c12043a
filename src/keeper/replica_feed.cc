// What a replica gets after PSYNC: an answer, perhaps an RDB, then the stream. Nothing but the stream's own
// bytes once it has begun: a keep-alive in it would move the replica's offset.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/base/known.h"
#include "common/log/log.h"
#include "common/net/zstd_stream.h"
#include "keeper/session.h"

namespace penstock::keeper {
namespace {

constexpr log::Logger kLog{"keeper"};
constexpr std::size_t kSendBytes = 1 << 20;  ///< of one system call, when as much is there
constexpr Millis kKeepAlive{1'000};

std::size_t length_of(const std::vector<StreamView>& views) {
  std::size_t length = 0;
  for (const StreamView& view : views) length += view.bytes.size();
  return length;
}

std::vector<std::string_view> bytes_of(const std::vector<StreamView>& views) {
  std::vector<std::string_view> bytes;
  bytes.reserve(views.size());
  for (const StreamView& view : views) bytes.push_back(view.bytes);
  return bytes;
}

}  // namespace

void Session::history_changed() {
  if (!streaming_) return;  // who still waits for an answer gets it from the new history
  stream_->close();
  grew_.ring();
}

Task<Result<>> Session::feed_replica() {
  std::int64_t cursor = 0;
  last_ack_ = MonoClock::now();
  if (known(psync_).failover) {
    PS_CO_TRY(co_await decide_failover(&cursor));
  } else {
    PS_CO_TRY(co_await decide_and_start(&cursor));
  }
  if (cursor < 0) co_return success();  // an RDB was all that was wanted
  co_return co_await stream_from(cursor);
}

PsyncOffer Session::offer(MonoTime began, std::int64_t end_then) const {
  const Journal& journal = keeper_.journal_;
  PsyncOffer offer;
  offer.serves_replicas = keeper_.serves();
  offer.upstream_synced = keeper_.link_.streaming();
  offer.rdb_arriving = keeper_.link_.rdb_arriving();
  if (const auto offset = journal.rdb_offset(); offset && *offset >= rdb_covers_) offer.rdb_offset = offset;
  if (const auto transit = transit_to_share())
    offer.rdb_in_transit = {transit->offset, transit->purpose == Store::RdbPurpose::new_generation,
                            transit->doubtful};
  offer.waited_ms = std::chrono::duration_cast<Millis>(MonoClock::now() - began).count();
  offer.gained = std::max<std::int64_t>(0, journal.history().end - end_then);
  return offer;
}

/// The replica keeps its position and asks again in a second.
Task<Result<>> Session::try_later(std::string why) {
  PS_CO_TRY(co_await write("-NOMASTERLINK " + why + "\r\n"));
  co_return fail(Errc::unavailable, std::move(why));
}

/// Holds the request while the decision is to wait. Newlines are harmless before the answer.
Task<Result<>> Session::decide_and_start(std::int64_t* cursor) {
  const MonoTime began = MonoClock::now();
  const std::int64_t end_then = keeper_.journal_.history().end;
  MonoTime last_newline = began;
  for (;;) {
    if (auto why = circle(); !why.empty()) {
      keeper_.link_.blame(why);
      co_return co_await try_later(std::move(why));
    }
    const ReplHistory history = keeper_.journal_.history();
    const PsyncDecision decision = decide_psync(known(psync_), history, offer(began, end_then));
    if (const auto* yes = std::get_if<Continue>(&decision)) {
      ++keeper_.partial_syncs_served_;
      kLog.info("replica continues", {{"replica", replica_line().address.text()}, {"from", yes->from}});
      *cursor = next_ = yes->from;
      streaming_ = true;  // from the answer on: a history that changes now has to end this link
      co_return co_await answer_psync("+CONTINUE " + yes->replid);
    }
    if (const auto* full = std::get_if<FullResync>(&decision)) {
      if (keeper_.handover_.state == model::HandoverState::accepted)
        co_return co_await try_later(
            "a hand-over was accepted: nobody begins anew here before the next order");
      PS_CO_TRY(rdb_, co_await loadable_rdb(full->in_transit));
      PS_CO_TRY(const bool go, co_await may_sync_now());
      if (go) {
        kLog.info("replica gets a full resync",
                  {{"replica", replica_line().address.text()},
                   {"why", to_string(full->why)},
                   {"asked", known(psync_).replid + " " + std::to_string(known(psync_).from)},
                   {"have", history.replid + " " + std::to_string(history.log_first) + ".." +
                                std::to_string(history.end)},
                   {"rdb", full->in_transit ? "arriving" : "complete"}});
        co_return co_await full_resync(cursor, full->in_transit);
      }
    } else if (const auto* later = std::get_if<TryLater>(&decision)) {
      co_return co_await try_later(later->reason);
    } else if (std::get<WaitFor>(decision).needs_rdb) {
      keeper_.link_.want_rdb(rdb_covers_);
    }
    PS_CO_TRY(co_await keep_alive(&last_newline));
  }
}

/// What follows is compressed for those who have asked for it.
Task<Result<>> Session::answer_psync(std::string line) {
  PS_CO_TRY(co_await write(line + "\r\n"));
  if (zstd_)
    stream_ = std::make_shared<net::ZstdStream>(
        stream_, net::ZstdOptions{.write_level = keeper_.options().links.zstd_level});
  co_return success();
}

/// Until something changes, with a newline each second.
Task<Result<>> Session::keep_alive(MonoTime* last_newline) {
  PS_CO_TRY(co_await keeper_.changed_.wait_for(kKeepAlive));
  if (MonoClock::now() - *last_newline < kKeepAlive) co_return success();
  *last_newline = MonoClock::now();
  co_return co_await write("\n");
}

/// Why the one who asks cannot be served: it is the one whom this keeper follows.
std::string Session::circle() const {
  const Address replica = replica_line().address;
  if (replica.port == 0 || keeper_.link_.upstream() != replica || keeper_.link_.streaming()) return "";
  return "a circle: " + replica.text() + " follows this keeper, and this keeper follows it";
}

/// The old master of a planned switch hands itself over: held until ACCEPT, ABORT or the TTL.
Task<Result<>> Session::decide_failover(std::int64_t* cursor) {
  for (;;) {
    // Held means stored: what the master has acknowledged by us must not be in memory only.
    if (keeper_.journal_.written() < keeper_.journal_.history().end) {
      PS_CO_TRY(co_await keeper_.changed_.wait_for(kKeepAlive));
      continue;
    }
    const FailoverAnswer answer =
        on_psync_failover(keeper_.handover_, keeper_.journal_.history().replid, known(psync_).replid,
                          known(psync_).from, keeper_.journal_.history().end, keeper_.now_ms());
    if (answer.verdict == FailoverVerdict::refuse) {
      kLog.info("hand-over refused", {{"master", replica_line().address.text()}, {"why", answer.reason}});
      PS_CO_TRY(co_await write("-ERR " + answer.reason + "\r\n"));
      co_return fail(Errc::refused, answer.reason);
    }
    if (answer.verdict == FailoverVerdict::accept) {
      *cursor = next_ = known(psync_).from;
      streaming_ = true;
      co_return co_await answer_psync("+CONTINUE " + keeper_.journal_.history().replid);
    }
    if (keeper_.handover_ != answer.next) {
      keeper_.handover_ = answer.next;
      keeper_.link_.acknowledge_eagerly(false);
      kLog.info("hand-over held", {{"master", replica_line().address.text()}, {"from", known(psync_).from}});
    }
    PS_CO_TRY(auto rung, co_await keeper_.changed_.wait_for(kKeepAlive));
    if (!rung) {
      PS_CO_TRY(co_await write("\n"));
    }
  }
}

/// From memory as long as the replica keeps up, from disk when it does not.
Task<Result<>> Session::stream_from(std::int64_t from) {
  phase_ = FeedSigns::Phase::online;
  last_byte_ms_ = keeper_.now_ms();
  const std::uint64_t generation = keeper_.history_generation_;
  Journal& journal = keeper_.journal_;
  Journal::Cursor cursor(journal, from);
  for (;;) {
    auto views = journal.at_hand(cursor, kSendBytes);
    if (!views.empty()) {
      log_pin_.reset();
      const std::size_t bytes = length_of(views);
      PS_CO_TRY(co_await send(std::move(views)));
      cursor.advance(bytes);
      next_ = cursor.at();
    } else if (cursor.at() <= journal.sendable()) {
      PS_CO_TRY(co_await catch_up(&cursor));
    } else {
      caught_up_ = &cursor;
      auto grew = co_await grew_.wait_for(kKeepAlive);
      caught_up_ = nullptr;
      PS_CO_TRY(std::move(grew));
    }
    if (generation != keeper_.history_generation_) co_return fail(Errc::conflict, "the history has changed");
  }
}

/// From disk until memory has what comes next. A piece is read while the one before it goes out.
Task<Result<>> Session::catch_up(Journal::Cursor* cursor) {
  using namespace boost::asio::experimental::awaitable_operators;
  const std::uint64_t generation = keeper_.history_generation_;
  Journal& journal = keeper_.journal_;
  PS_CO_TRY(auto views, co_await journal.read(cursor->at()));
  while (generation == keeper_.history_generation_ && !views.empty()) {
    const std::size_t bytes = length_of(views);
    auto [sent, ahead] =
        co_await (send(std::move(views)) && journal.read(cursor->at() + static_cast<std::int64_t>(bytes)));
    PS_CO_TRY(std::move(sent));
    cursor->advance(bytes);
    next_ = cursor->at();
    if (!journal.at_hand(*cursor, 1).empty()) break;
    PS_CO_TRY(views, std::move(ahead));
  }
  co_return success();
}

/// Who has had everything so far is given what has just come before anything else is done with it: by way of
/// the loop it would be later by the next read, a poll and a timer.
void Session::log_grew() {
  if (!caught_up_ || !pass_on()) grew_.ring();
}

/// false: something is left for stream_from().
bool Session::pass_on() {
  const auto views = keeper_.journal_.at_hand(*caught_up_, kSendBytes);
  const auto pieces = bytes_of(views);
  caught_up_->advance(stream_->write_now(pieces));
  next_ = caught_up_->at();
  return next_ > keeper_.journal_.sendable();
}

Task<Result<>> Session::send(std::vector<StreamView> views) {
  const Sending sending(*this);
  const auto pieces = bytes_of(views);
  co_return co_await stream_->write(pieces);
}

}  // namespace penstock::keeper

// What a replica gets after PSYNC: an answer, perhaps an RDB, then the stream. Nothing but the stream's own
// bytes once it has begun: a keep-alive in it would move the replica's offset.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/known.h"
#include "common/log/log.h"
#include "keeper/session.h"

namespace penstock::keeper {
namespace {

constexpr log::Logger kLog{"keeper"};
constexpr std::size_t kChunkBytes = 256 << 10;
constexpr Millis kKeepAlive{1'000};
constexpr Millis kAckTimeout{60'000};  // Redis' repl-timeout

}  // namespace

void Session::history_changed() {
  if (!streaming_) return;  // who still waits for an answer gets it from the new history
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Task<Result<>> Session::feed_replica() {
  std::int64_t cursor = 0;
  last_ack_ = last_heard_ = MonoClock::now();
  if (known(psync_).failover) {
    PS_CO_TRY(co_await decide_failover(&cursor));
  } else {
    PS_CO_TRY(co_await decide_and_start(&cursor));
  }
  if (cursor < 0) co_return success();  // an RDB was all that was wanted
  co_return co_await stream_from(cursor);
}

/// Holds the request while the decision is to wait. Newlines are harmless before the answer.
Task<Result<>> Session::decide_and_start(std::int64_t* cursor) {
  const MonoTime began = MonoClock::now();
  MonoTime last_newline = began;
  for (;;) {
    PsyncOffer offer;
    offer.serves_replicas = keeper_.serves();
    offer.upstream_synced = keeper_.link_.streaming();
    offer.rdb_arriving = keeper_.link_.rdb_arriving();
    offer.rdb_offset = keeper_.store_->rdb_offset();
    offer.waited_ms = std::chrono::duration_cast<Millis>(MonoClock::now() - began).count();
    const ReplHistory history = keeper_.store_->history();
    const PsyncDecision decision = decide_psync(known(psync_), history, offer);
    if (const auto* yes = std::get_if<Continue>(&decision)) {
      ++keeper_.partial_syncs_served_;
      kLog.info("replica continues", {{"replica", replica_line().address.text()}, {"from", yes->from}});
      *cursor = yes->from;
      streaming_ = true;  // from the answer on: a history that changes now has to end this link
      co_return co_await write("+CONTINUE " + yes->replid + "\r\n");
    }
    if (const auto* full = std::get_if<FullResync>(&decision)) {
      ++keeper_.full_syncs_served_;
      kLog.info("replica gets a full resync",
                {{"replica", replica_line().address.text()},
                 {"why", to_string(full->why)},
                 {"asked", known(psync_).replid + " " + std::to_string(known(psync_).from)},
                 {"have", history.replid + " " + std::to_string(history.log_first) + ".." +
                              std::to_string(history.end)}});
      co_return co_await send_rdb(cursor, history.replid, full->rdb_offset);
    }
    if (const auto* later = std::get_if<TryLater>(&decision)) {
      PS_CO_TRY(co_await write("-NOMASTERLINK " + later->reason + "\r\n"));
      co_return fail(Errc::unavailable, later->reason);
    }
    if (std::get<WaitFor>(decision).needs_rdb) keeper_.link_.want_rdb();
    PS_CO_TRY(co_await keeper_.changed_.wait_for(kKeepAlive));
    if (MonoClock::now() - last_newline >= kKeepAlive) {
      last_newline = MonoClock::now();
      PS_CO_TRY(co_await write("\n"));
    }
  }
}

/// The old master of a planned switch hands itself over: held until ACCEPT, ABORT or the TTL.
Task<Result<>> Session::decide_failover(std::int64_t* cursor) {
  for (;;) {
    const FailoverAnswer answer =
        on_psync_failover(keeper_.handover_, keeper_.store_->history().replid, known(psync_).replid,
                          known(psync_).from, keeper_.store_->history().end, keeper_.now_ms());
    if (answer.verdict == FailoverVerdict::refuse) {
      kLog.info("hand-over refused", {{"master", replica_line().address.text()}, {"why", answer.reason}});
      PS_CO_TRY(co_await write("-ERR " + answer.reason + "\r\n"));
      co_return fail(Errc::refused, answer.reason);
    }
    if (answer.verdict == FailoverVerdict::accept) {
      *cursor = known(psync_).from;
      streaming_ = true;
      co_return co_await write("+CONTINUE " + keeper_.store_->history().replid + "\r\n");
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

/// The length is known, so the RDB goes out as $<len>: the stream may follow without waiting for an
/// acknowledgement.
Task<Result<>> Session::send_rdb(std::int64_t* cursor, std::string replid, std::int64_t offset) {
  auto rdb = keeper_.store_->open_rdb();
  if (!rdb) co_return fail(std::move(rdb).error());
  const auto pinned = keeper_.store_->pin(offset + 1);
  const std::uint64_t generation = keeper_.history_generation_;
  feed_state_ = "send_bulk";
  PS_CO_TRY(co_await write("+FULLRESYNC " + replid + " " + std::to_string(offset) + "\r\n$" +
                           std::to_string(rdb.value()->size()) + "\r\n"));
  std::string chunk;
  for (std::uint64_t at = 0; at < rdb.value()->size();) {
    chunk.resize(kChunkBytes);
    PS_CO_TRY(const auto got, rdb.value()->read(at, chunk.data(), chunk.size()));
    if (got == 0) co_return fail(Errc::corrupt, "the RDB is shorter than it was");
    chunk.resize(got);
    at += got;
    PS_CO_TRY(co_await write(chunk));
  }
  if (generation != keeper_.history_generation_)
    co_return fail(Errc::conflict, "the history changed during the transfer");
  streaming_ = !rdb_only_;
  *cursor = rdb_only_ ? -1 : offset + 1;
  co_return success();
}

Task<Result<>> Session::stream_from(std::int64_t cursor) {
  streaming_ = true;
  feed_state_ = "online";
  const std::uint64_t generation = keeper_.history_generation_;
  std::string chunk;
  for (;;) {
    if (generation != keeper_.history_generation_) co_return fail(Errc::conflict, "the history has changed");
    chunk.resize(kChunkBytes);
    PS_CO_TRY(const auto got, keeper_.store_->read(cursor, chunk.data(), chunk.size()));
    if (got > 0) {
      chunk.resize(got);
      cursor += static_cast<std::int64_t>(got);
      auto [error, n] = co_await boost::asio::async_write(socket_, boost::asio::buffer(chunk),
                                                          boost::asio::as_tuple(boost::asio::use_awaitable));
      if (error) co_return fail(Errc::io, error.message());
      continue;
    }
    if (MonoClock::now() - last_heard_ > kAckTimeout)
      co_return fail(Errc::timeout, "not a byte for a minute");
    PS_CO_TRY(co_await keeper_.changed_.wait_for(kKeepAlive));
  }
}

}  // namespace penstock::keeper

// A full resync: an RDB that is complete, or one that is just arriving, and then the stream behind it.
//
// The length is sent first where it is known, and the stream may follow at once. Where the upstream did not
// say it either, a mark ends the RDB, and nothing follows before the replica has acknowledged it: one that
// loads from disk looks for the mark at the end of what it has read, and would wait for ever.
#include <random>

#include "keeper/replica_version.h"
#include "keeper/session.h"

namespace penstock::keeper {
namespace {

constexpr Millis kLook{1'000};
constexpr std::size_t kMarkBytes = 40;

std::string new_mark() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::random_device random;
  std::string mark;
  for (std::size_t i = 0; i < kMarkBytes; ++i) mark += kHex[random() & 15];
  return mark;
}

}  // namespace

/// The RDB that arrives, when this replica can be given it now. It must hold something: an empty one may be
/// held back in the end, and a replica that loads while it receives would have flushed its data for nothing.
Journal::Transit Session::transit_to_share() const {
  auto transit = keeper_.journal_.rdb_in_transit();
  if (!transit || !transit->holds_something || (!transit->length && !knows_eof_)) return nullptr;
  const bool joins_log = transit->purpose == Store::RdbPurpose::for_current_log;
  if (joins_log && transit->offset < rdb_covers_) return nullptr;
  if (joins_log && !same_replid(transit->replid, keeper_.journal_.meta().replid)) return nullptr;
  return transit;
}

/// The version of the RDB that would be sent. Before anything is: a replica that cannot load it would lose
/// the data it has, and come back at once.
Task<Result<std::string>> Session::loadable_rdb(bool in_transit) {
  const auto transit = in_transit ? transit_to_share() : nullptr;
  std::shared_ptr<Store::RdbReader> reader = transit ? transit->reader : nullptr;
  if (!reader) {
    PS_CO_TRY(reader, co_await keeper_.journal_.open_rdb());
  }
  PS_CO_TRY(const auto begin, co_await keeper_.journal_.read_rdb(reader, 0, RdbVersion::kBytes));
  const auto rdb = rdb_version(begin.bytes);
  if (!rdb) co_return std::string();
  const auto server = co_await replica_version();
  if (server && is_known_not_to_load(*server, *rdb)) {
    PS_CO_TRY(co_await try_later(server->text() + " cannot load an RDB of version " + rdb->text()));
  }
  co_return rdb->text();
}

/// What it has announced; else what it says when it is asked at the address that it comes from.
Task<std::optional<ServerVersion>> Session::replica_version() {
  if (version_ || version_asked_ || replica_port_ == 0) co_return version_;
  version_asked_ = true;
  ReplicaContact replica{{stream_->peer().host, replica_port_}};
  if (stream_->facts().tls) replica.tls = keeper_.options().links.tls;
  version_ = co_await ask_replica_version(keeper_.executor_, std::move(replica), said_,
                                          keeper_.options().listen.port);
  co_return version_;
}

/// false: wait, others are being served. An error has been told to the replica.
Task<Result<bool>> Session::may_sync_now() {
  const Address replica = replica_line().address;
  const auto answer = keeper_.full_sync_gate_.ask(replica.text(), replica.host, rdb_, keeper_.now_ms());
  if (answer.verdict == FullSyncGate::Answer::Verdict::wait) co_return false;
  if (answer.verdict == FullSyncGate::Answer::Verdict::go) co_return true;
  PS_CO_TRY(co_await try_later(std::to_string(answer.failures) +
                               " full syncs in a row were not loaded; the next one in " +
                               std::to_string(answer.wait_ms) + " ms"));
  co_return false;
}

Task<Result<>> Session::full_resync(std::int64_t* cursor, bool in_transit) {
  PS_CO_TRY(const auto source, co_await give_rdb(in_transit));
  *cursor = -1;
  if (rdb_only_) co_return success();
  phase_ = FeedSigns::Phase::online;
  last_byte_ms_ = keeper_.now_ms();
  const auto same_id = [&] { return same_replid(source.replid, keeper_.journal_.history().replid); };
  if (!source.mark.empty() || !same_id()) {
    PS_CO_TRY(co_await until_loaded());
  }
  PS_CO_TRY(check_source(source));
  // Loaded, it continues from what it was told, and learns the new id by asking again.
  if (!same_id()) co_return fail(Errc::conflict, "the history has another id since the transfer began");
  streaming_ = true;
  *cursor = next_ = source.offset + 1;
  co_return success();
}

/// Everything up to where the stream begins. Holds the place that may_sync_now() has taken.
Task<Result<Session::RdbSource>> Session::give_rdb(bool in_transit) {
  struct Place {
    FullSyncGate& gate;
    Broadcast& changed;
    std::string host;
    ~Place() {
      gate.sent(host);
      changed.ring();
    }
  } place{keeper_.full_sync_gate_, keeper_.changed_, replica_line().address.host};
  PS_CO_TRY(auto source, co_await rdb_source(in_transit));
  ++keeper_.full_syncs_served_;
  phase_ = FeedSigns::Phase::takes_rdb;
  given_rdb_ = replica_port_ != 0;  // without one it is nobody who could be known again
  loaded_ = false;
  PS_CO_TRY(co_await send_rdb(source));
  if (!source.mark.empty()) {
    PS_CO_TRY(co_await write(source.mark));
  }
  co_return source;
}

Task<Result<Session::RdbSource>> Session::rdb_source(bool in_transit) {
  Journal& journal = keeper_.journal_;
  RdbSource source;
  if (in_transit) {
    const auto transit = transit_to_share();
    if (!transit) co_return fail(Errc::unavailable, "the upstream's RDB did not come to its end");
    source = {transit->replid, transit->offset, transit->reader, 0, transit};
    if (!transit->length) source.mark = new_mark();
  } else {
    PS_CO_TRY(source.reader, co_await journal.open_rdb());
    source.replid = journal.history().replid;
    source.offset = source.reader->offset();
    source.log = journal.log();
  }
  log_pin_ = co_await journal.pin(source.offset + 1);
  co_return source;
}

/// T1: what may be read of one that arrives stops short of its end until it is the store's.
Task<Result<>> Session::send_rdb(RdbSource source) {
  const auto& transit = source.transit;
  const std::uint64_t size =
      transit ? static_cast<std::uint64_t>(transit->length.value_or(0)) : source.reader->size();
  if (!plain_sync_) {
    PS_CO_TRY(co_await answer_psync("+FULLRESYNC " + source.replid + " " + std::to_string(source.offset)));
  }
  PS_CO_TRY(
      co_await write("$" + (source.mark.empty() ? std::to_string(size) : "EOF:" + source.mark) + "\r\n"));
  for (std::uint64_t at = 0;;) {
    if (auto good = check_source(source); !good) {
      given_rdb_ = false;  // it is not the replica that has failed
      co_return good;
    }
    const std::uint64_t there = transit ? transit->readable() : size;
    if (at < there) {
      PS_CO_TRY(auto piece, co_await keeper_.journal_.read_rdb(source.reader, at, there - at));
      at += piece.bytes.size();
      std::vector<StreamView> views{std::move(piece)};
      PS_CO_TRY(co_await send(std::move(views)));
    } else if (!transit || transit->state == RdbTransit::State::stored) {
      co_return success();
    } else {
      PS_CO_TRY(co_await keeper_.changed_.wait_for(kLook));
    }
  }
}

/// Of a log that is still the one held. What arrives belongs to one that is not there yet.
Result<> Session::check_source(const RdbSource& source) const {
  if (source.transit && source.transit->state == RdbTransit::State::arriving) return success();
  if (source.transit && source.transit->state == RdbTransit::State::failed)
    return fail(Errc::unavailable, "the upstream's RDB did not come to its end");
  if (keeper_.journal_.log() != (source.transit ? source.transit->log : source.log))
    return fail(Errc::conflict, "another full sync has come meanwhile");
  return success();
}

/// The replica has acknowledged something since it was given an RDB.
Task<Result<>> Session::until_loaded() {
  while (!loaded_) {
    PS_CO_TRY(co_await writable_.wait_for(kLook));
  }
  co_return success();
}

}  // namespace penstock::keeper

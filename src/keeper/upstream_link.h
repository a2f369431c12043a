// The keeper as a replica: connects to its upstream, says what a replica says, and puts what arrives into the
// journal.
//
// One coroutine, run(), for the keeper's whole life: it follows whoever follow() named last. It never asks
// for more than it needs (PSYNC from the last transaction boundary; without a history an upstream that is a
// keeper says where its log can be continued, and no RDB is asked for) and never writes anything but
// handshake and ACK on the link.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/async/task.h"
#include "common/async/wakeup.h"
#include "common/base/address.h"
#include "common/net/byte_stream.h"
#include "keeper/core/rdb_check.h"
#include "keeper/journal.h"
#include "keeper/links.h"

namespace penstock::keeper {

struct UpstreamOptions {
  std::uint16_t listening_port = 0;  ///< announced, so that Sentinel and FAILOVER find us
  std::string announce_host;         ///< empty: the address we connect from
  std::string announce_version;      ///< REPLCONF version, as Valkey says it: "8.1.0"; empty: nothing is said
  Millis reply_timeout{5'000};       ///< for connecting and for each line of the handshake
  Millis silence_timeout{60'000};    ///< without a byte on a streaming link
  std::string user, password;        ///< AUTH before anything else when there is a password
  Address self;                      ///< where this keeper serves: not to be its own upstream
  std::int64_t log_bytes_max = 0;    ///< so much of the stream is kept
  LinkOptions links;
  /// Instead of TCP, for tests that want no network.
  std::function<Result<std::shared_ptr<net::ByteStream>>(const Address&)> connect;
};

/// What the keeper learns from its upstream link. Called on the keeper's loop.
class UpstreamListener {
 public:
  virtual ~UpstreamListener() = default;
  virtual void log_grew() = 0;
  /// Another replid, or another log: whoever was being served has to ask again.
  virtual void history_changed() = 0;
  /// Something else that a waiting request may depend on (link state, RDB complete …).
  virtual void upstream_changed() = 0;
};

/// What an error line to PING, REPLCONF or PSYNC means for us: -LOADING, -NOMASTERLINK and the like pass by
/// themselves (Errc::unavailable).
Error refusal(std::string_view line);

class UpstreamLink {
 public:
  /// `journal` and `listener` must outlive run().
  UpstreamLink(Executor executor, Journal& journal, UpstreamListener& listener, UpstreamOptions options);

  Task<void> run();
  Task<void>
  run_acks();  ///< REPLCONF ACK once a second, and when asked; ends a link that is silent for too long

  /// Another upstream from now on; nullopt: nobody. The same one again changes nothing.
  void follow(std::optional<Address> upstream, UpstreamKind kind = UpstreamKind::master);
  const std::optional<Address>& upstream() const { return upstream_; }

  /// none connecting handshake sync connected
  const std::string& state() const { return state_; }
  bool streaming() const { return state_ == "connected"; }
  bool rdb_arriving() const { return state_ == "sync" || fetching_rdb_; }
  const std::string& last_error() const { return last_error_; }
  /// More is written: what the upstream waits to hear may be said.
  void wrote_more();
  /// The next full sync may bring an empty data set in the place of what is held.
  void accept_empty();
  bool held_back() const { return held_back_; }  ///< the upstream is empty and waits for accept_empty()
  /// Somebody found that the upstream cannot be followed (a circle): says why until it is another one.
  void blame(std::string why);
  /// Acknowledge every batch at once (while a hand-over is armed the master waits for it).
  void acknowledge_eagerly(bool eagerly);
  /// Fetches an RDB of the current history over a second connection, once, when none is there that covers the
  /// stream up to `covers`. See run_rdb_fetches().
  void want_rdb(std::int64_t covers);
  Task<void> run_rdb_fetches();
  Task<void> run_circle_watch();  ///< circle_watch.cc
  std::int64_t partial_syncs() const { return partial_syncs_; }
  net::LinkFacts facts() const;  ///< of the link that stands
  net::Traffic traffic() const;  ///< of all that there have been

 private:
  struct Connection {
    std::shared_ptr<net::ByteStream> stream;  ///< none before connect()
    std::string input;                        ///< was read and not used yet
    bool zstd = false;                        ///< agreed on: what follows the answer to PSYNC is compressed
  };

  Task<Result<>> attach(Address upstream);
  Task<Result<>> connect(Connection* connection, Address upstream);
  Task<Result<>> handshake(Connection* connection, std::optional<std::int64_t> rdb_only = {});
  Task<Result<>> agree_on_compression(Connection* connection);
  Task<Result<std::string>> ask_for_stream(Connection* connection, std::vector<std::string> psync);
  Task<Result<std::string>> ask(Connection* connection, std::vector<std::string> command);
  Task<Result<std::string>> read_line(Connection* connection);
  Task<Result<>> read_rest_of_line(Connection* connection);
  Task<Result<>> read_more(Connection* connection);
  Task<Result<std::size_t>> read_some(Connection* connection, std::span<char> into);
  Task<Result<>> receive_rdb(Connection* connection, Address upstream, std::string replid,
                             std::int64_t offset, Store::RdbPurpose purpose);
  Task<Result<>> read_rdb(Connection* connection, Journal::Transit transit, RdbCheck* check);
  Result<> check_rdb(const RdbCheck& check, Store::RdbPurpose purpose);
  Task<Result<>> stream(Connection* connection);
  Task<Result<>> fetch_rdb(Address upstream, std::int64_t covers);
  Task<Result<>> send_ack();
  Task<Result<>> authenticate(Connection* connection);
  void set_state(std::string state);
  void cut();
  bool wants(const std::set<UpstreamKind>& kinds) const { return kinds.contains(kind_); }

  // Whose history goes on from whose (upstream_history.cc).
  /// What PSYNC asks for.
  struct Start {
    std::string replid = "?";
    std::int64_t from = -1;
    std::optional<HistoryAnswer> joins;  ///< we have nothing, and the upstream is a keeper that has this
  };
  Task<Result<Start>> starting_point(Connection* connection);
  Task<Result<>> go_on(Address upstream, Start start, std::string id);
  Task<Result<>> join(HistoryAnswer answer);
  Task<Result<>> continue_history(Address upstream, std::string new_id);
  Task<Result<>> save_what_diverges(Address upstream);
  Task<Result<UpstreamHistory>> ask_history(Address upstream);
  Task<Result<std::string>> find_circle(Address upstream);
  Task<Result<std::string>> ask_keeper_info(Address keeper);
  Task<Result<std::string>> ask_bulk(Connection* connection, std::vector<std::string> command);

  Executor executor_;
  Journal& journal_;
  UpstreamListener& listener_;
  UpstreamOptions options_;
  std::optional<Address> upstream_;
  UpstreamKind kind_ = UpstreamKind::master;  ///< of upstream_
  Wakeup moved_;
  Wakeup rdb_wanted_;
  Wakeup repointed_;
  Wakeup ack_now_;
  Connection* current_ = nullptr;  ///< of run(); closing its stream ends whatever it waits for
  std::string state_ = "none";
  std::string last_error_;
  std::string circle_;  ///< how following the upstream leads back to us; empty: it does not
  bool eager_acks_ = false;
  std::int64_t asked_at_ = -1;  ///< offset of a GETACK that is to be answered once it is written; -1: none
  bool empty_accepted_ = false;
  bool held_back_ = false;
  bool streamed_ = false;  ///< this link has brought stream bytes
  bool fetching_rdb_ = false;
  std::int64_t rdb_to_cover_ = 0;
  bool sending_ack_ = false;
  std::int64_t partial_syncs_ = 0;
  MonoTime last_byte_{};
  net::Traffic carried_;  ///< by links that have ended
};

}  // namespace penstock::keeper

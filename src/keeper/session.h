// One connection to a keeper's port: commands and their answers until PSYNC, a replica's feed from then on.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/async/wakeup.h"
#include "common/net/byte_stream.h"
#include "common/resp/redis_client.h"
#include "common/serve/command_reader.h"
#include "common/serve/doorkeeper.h"
#include "common/serve/patience.h"
#include "keeper/core/feed_patience.h"
#include "keeper/core/psync_decision.h"
#include "keeper/core/rdb_version.h"
#include "keeper/info.h"
#include "keeper/keeper.h"

namespace penstock::keeper {

/// Serves `socket` until it ends; `place` is kept that long. `keeper` must outlive it.
Task<void> serve_session(Keeper* keeper, boost::asio::ip::tcp::socket socket, serve::Doorkeeper::Place place);
Task<void> run_session(Keeper* keeper, std::shared_ptr<net::ByteStream> stream, std::int64_t began_ms);

class Session {
 public:
  /// `began_ms`: when it connected, on the keeper's clock.
  Session(Keeper& keeper, std::shared_ptr<net::ByteStream> stream, std::int64_t began_ms);
  ~Session();

  Task<Result<>> run();

  bool is_streaming() const { return streaming_; }
  ReplicaLine replica_line() const;
  net::LinkFacts facts_of_link() const { return stream_->facts(); }
  bool is_replica() const { return psync_.has_value(); }
  /// The keeper's history is another one now: a feed ends, the replica comes back and asks again.
  void history_changed();
  /// More of the stream has come, or another one.
  void log_grew();
  /// Ends a connection that keeps us waiting for too long.
  void cut_if_overdue();
  bool subscribes(const std::string& channel) const { return channels_.contains(channel); }
  void publish(const std::string& channel, const std::string& message);

 private:
  using Command = std::vector<std::string>;
  using Answer = std::string;  ///< RESP bytes; empty: no answer

  Task<Result<>> read_loop();
  Task<Result<>> write_loop();
  Task<Result<>> write(std::string bytes);
  Task<Result<>> flush();
  Task<Result<>> room_for_answers();
  void refuse_further(const Error& error);
  serve::Conduct conduct() const;
  FeedSigns signs();
  Task<void> take(Command command);
  Answer queue(Command command);
  Task<Answer> answer(Command command);
  Answer answer_at_once(const Command& command);
  Answer keeper_command(const Command& command);
  Task<Answer> setstate(Command command);
  Task<Answer> handover(Command command);
  Task<Answer> history(Command command);
  Answer auth(const Command& command);
  Answer replconf(const Command& command);
  Answer replconf_option(const std::string& option, const std::string& value);
  Task<Answer> replicaof(Command command);
  Answer client(const Command& command);
  Answer subscribe(const Command& command);
  Answer publish_command(const Command& command);
  Task<Answer> exec();
  InfoFacts facts() const;

  // The replica's feed (replica_feed.cc).
  Task<Result<>> feed_replica();
  Task<Result<>> answer_psync(std::string line);
  Task<Result<>> decide_and_start(std::int64_t* cursor);
  PsyncOffer offer(MonoTime began, std::int64_t end_then) const;
  Task<Result<>> try_later(std::string why);
  Task<Result<>> keep_alive(MonoTime* last_newline);
  std::string circle() const;
  Task<Result<>> decide_failover(std::int64_t* cursor);
  Task<Result<>> stream_from(std::int64_t from);
  Task<Result<>> catch_up(Journal::Cursor* cursor);
  bool pass_on();
  Task<Result<>> send(std::vector<StreamView> views);

  // Its full resync (rdb_feed.cc).
  /// Where the RDB comes from, and what is announced with it.
  struct RdbSource {
    std::string replid;
    std::int64_t offset = 0;
    std::shared_ptr<Store::RdbReader> reader;
    std::uint64_t log = 0;  ///< number of the log that it belongs to, when it is complete
    std::shared_ptr<const RdbTransit> transit{};  ///< of one that arrives
    std::string mark{};                           ///< sent behind it, when its length is not known
  };
  Journal::Transit transit_to_share() const;
  Task<Result<std::string>> loadable_rdb(bool in_transit);
  Task<std::optional<ServerVersion>> replica_version();
  Task<Result<bool>> may_sync_now();
  Task<Result<>> full_resync(std::int64_t* cursor, bool in_transit);
  Task<Result<RdbSource>> give_rdb(bool in_transit);
  Task<Result<RdbSource>> rdb_source(bool in_transit);
  Task<Result<>> send_rdb(RdbSource source);
  Result<> check_source(const RdbSource& source) const;
  Task<Result<>> until_loaded();
  /// While it lives, something has been given to the socket.
  class Sending {
   public:
    explicit Sending(Session& session);
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;
    ~Sending() { session_.sending_since_.reset(); }

   private:
    Session& session_;
  };

  Keeper& keeper_;
  std::shared_ptr<net::ByteStream> stream_;
  serve::CommandReader reader_;
  std::string out_;
  Wakeup writable_, flushed_, grew_;
  std::optional<std::vector<Command>> transaction_;
  std::size_t transaction_bytes_ = 0;
  bool transaction_overflows_ = false;
  std::set<std::string> channels_;

  std::optional<PsyncRequest> psync_;
  bool plain_sync_ = false;  ///< SYNC: no answer before the RDB, and no acknowledgement ever
  bool rdb_only_ = false;
  std::int64_t rdb_covers_ = 0;  ///< it needs one of the stream up to there
  bool knows_eof_ = false;       ///< takes an RDB whose length is not known before its end
  bool zstd_ = false;            ///< agreed on: what follows the answer to PSYNC is compressed
  bool authenticated_ = false;
  resp::Credentials said_;  ///< by AUTH
  std::optional<ServerVersion> version_;
  bool version_asked_ = false;
  std::string rdb_;         ///< version of the RDB that is to be sent
  bool given_rdb_ = false;  ///< and what becomes of it is to be told to the gate
  bool loaded_ = false;     ///< it has acknowledged something since
  std::uint16_t replica_port_ = 0;
  std::string replica_host_;
  bool streaming_ = false;
  FeedSigns::Phase phase_ = FeedSigns::Phase::waits;
  std::optional<std::int64_t> sending_since_;  ///< what the socket has not taken yet
  std::uint64_t sent_ = 0;                     ///< … of which so much had gone when it was last looked at
  std::int64_t next_ = 0;                      ///< streaming: offset of the next byte to be sent
  Journal::Cursor* caught_up_ = nullptr;       ///< streaming: at the end of the stream, waiting for more
  std::shared_ptr<void> log_pin_;  ///< keeps the log for who has been given an RDB, until it has caught up
  std::int64_t acknowledged_ = 0;
  MonoTime last_ack_{};
  bool closing_ = false;

  // See Conduct.
  std::int64_t began_ms_ = 0, command_began_ms_ = 0, last_command_ms_ = 0, last_byte_ms_ = 0;
};

}  // namespace penstock::keeper

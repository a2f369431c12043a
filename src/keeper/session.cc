#include "keeper/session.h"

#include <algorithm>
#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cctype>
#include <charconv>

#include "common/async/within.h"
#include "common/base/known.h"
#include "common/log/log.h"
#include "common/model/keeper_report.h"
#include "common/net/tcp_stream.h"
#include "common/resp/encode.h"
#include "common/serve/words.h"

namespace penstock::keeper {
namespace {

using serve::same_secret;
using serve::upper;

constexpr log::Logger kLog{"keeper"};
constexpr std::size_t kOutMax = 1 << 20;  ///< of answers that are not read yet: no command is taken meanwhile
constexpr std::size_t kTransactionMax = 64;  ///< commands in MULTI, and their bytes
constexpr std::size_t kTransactionBytesMax = 256 << 10;
constexpr std::size_t kChannelsMax = 64;
constexpr std::size_t kChannelNameMax = 256;
/// Who has not said AUTH needs no more than that.
constexpr serve::CommandLimits kOfStrangers{.arguments_max = 10,
                                            .argument_bytes_max = 16 << 10,
                                            .command_bytes_max = 32 << 10,
                                            .inline_bytes_max = 16 << 10};

template <class N>
std::optional<N> number(std::string_view text) {
  N value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string ok() {
  return "+OK\r\n";
}
std::string error_line(std::string_view text) {
  std::string out;
  resp::append_error(out, text);
  return out;
}
std::string answer_of(const Result<>& result) {
  if (result) return ok();
  const Error& error = result.error();
  return error_line((error.code == Errc::stale_epoch ? "STALEEPOCH " : "ERR ") + error.message);
}
std::string wrong_arguments(std::string_view command) {
  return error_line("ERR wrong number of arguments for '" + std::string(command) + "'");
}

bool is_allowed_to_strangers(std::string_view name) {
  return name == "AUTH" || name == "HELLO" || name == "PING" || name == "QUIT";
}

/// It stands in INFO, a line for each replica.
bool is_host(std::string_view text) {
  return text.size() <= 255 && std::ranges::all_of(text, [](unsigned char c) {
           return std::isalnum(c) || c == '.' || c == ':' || c == '-' || c == '_';
         });
}

}  // namespace

Task<void> serve_session(Keeper* keeper, boost::asio::ip::tcp::socket socket,
                         serve::Doorkeeper::Place /*kept*/) {
  const auto tcp = std::make_shared<net::TcpStream>(std::move(socket));
  const std::int64_t began_ms = keeper->now_ms();
  const Millis limit{keeper->options().patience.auth_ms};
  auto stream =
      co_await within(limit, "first byte and TLS handshake", welcome(tcp, &keeper->options().links));
  if (!stream) {
    const Error& error = stream.error();
    if (error.code != Errc::cancelled && error.code != Errc::io)
      keeper->turned_away(tcp->peer(), error.message);
    co_return;
  }
  co_await run_session(keeper, std::move(stream).value(), began_ms);
}

Task<void> run_session(Keeper* keeper, std::shared_ptr<net::ByteStream> stream, std::int64_t began_ms) {
  Session session(*keeper, std::move(stream), began_ms);
  auto ended = co_await session.run();
  if (!ended && session.is_replica() && ended.error().code != Errc::cancelled)
    kLog.info("replica left",
              {{"replica", session.replica_line().address.text()}, {"why", ended.error().message}});
}

Session::Session(Keeper& keeper, std::shared_ptr<net::ByteStream> stream, std::int64_t began_ms)
    : keeper_(keeper),
      stream_(std::move(stream)),
      writable_(keeper.executor_),
      flushed_(keeper.executor_),
      grew_(keeper.executor_),
      began_ms_(began_ms),
      last_command_ms_(began_ms) {
  authenticated_ = keeper_.options().required_password.empty();
  if (!authenticated_) reader_.set_limits(kOfStrangers);
  keeper_.sessions_.insert(this);
}

Session::~Session() {
  if (given_rdb_)
    keeper_.full_sync_gate_.ended(replica_line().address.text(), rdb_, loaded_, keeper_.now_ms());
  keeper_.served_ += facts_of_link();
  keeper_.sessions_.erase(this);
  if (streaming_) keeper_.replica_left();
}

Task<Result<>> Session::run() {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (read_loop() || write_loop());
  co_return first.index() == 0 ? std::get<0>(std::move(first)) : std::get<1>(std::move(first));
}

Task<Result<>> Session::read_loop() {
  std::array<char, 16384> chunk;
  for (;;) {
    PS_CO_TRY(const std::size_t n, co_await stream_->read_some(chunk));
    last_byte_ms_ = keeper_.now_ms();
    if (closing_) continue;  // the last answer is on its way, and with it the link ends
    if (!reader_.inside_command()) command_began_ms_ = last_byte_ms_;
    reader_.feed({chunk.data(), n});
    for (;;) {
      auto command = reader_.next();
      if (!command && psync_) co_return fail(std::move(command).error());
      if (!command) refuse_further(command.error());
      if (!command || !command.value()) break;
      last_command_ms_ = command_began_ms_ = last_byte_ms_;
      co_await take(std::move(known(command.value())));
      PS_CO_TRY(co_await room_for_answers());
    }
  }
}

/// Not on a replication link: a replica would count it as data.
void Session::refuse_further(const Error& error) {
  out_ += error_line("ERR Protocol error: " + error.message);
  closing_ = true;
  writable_.ring();
}

/// A peer that asks and does not read is not listened to, and cut when it goes on like that.
Task<Result<>> Session::room_for_answers() {
  while (out_.size() > kOutMax) {
    PS_CO_TRY(co_await flushed_.wait_for(Millis{60'000}));
  }
  co_return success();
}

Session::Sending::Sending(Session& session) : session_(session) {
  session_.sending_since_ = session_.keeper_.now_ms();
}

Task<Result<>> Session::write(std::string bytes) {
  const Sending sending(*this);
  co_return co_await net::write_bytes(stream_, std::move(bytes));
}

Task<Result<>> Session::flush() {
  while (!out_.empty()) {
    std::string bytes = std::exchange(out_, {});
    flushed_.ring();
    PS_CO_TRY(co_await write(std::move(bytes)));
  }
  co_return success();
}

Task<Result<>> Session::write_loop() {
  for (;;) {
    PS_CO_TRY(co_await flush());
    if (closing_) co_return success();
    if (psync_) co_return co_await feed_replica();
    PS_CO_TRY(co_await writable_.wait_for(Millis{60'000}));
  }
}

Task<void> Session::take(Command command) {
  if (closing_) co_return;
  command[0] = upper(command[0]);
  if (psync_) {
    // A replica's acknowledgements. Anything else on a replication link is ignored: an answer would be taken
    // for data.
    if (command[0] == "REPLCONF" && command.size() >= 3 && upper(command[1]) == "ACK") {
      if (const auto offset = number<std::int64_t>(command[2])) acknowledged_ = *offset;
      last_ack_ = MonoClock::now();
      loaded_ = true;
      writable_.ring();
    }
    co_return;
  }
  if (!authenticated_ && !is_allowed_to_strangers(command[0])) {
    out_ += error_line("NOAUTH Authentication required.");
  } else if (command[0] == "PSYNC" && !transaction_) {
    const auto from = command.size() >= 3 ? number<std::int64_t>(command[2]) : std::nullopt;
    const bool failover = command.size() == 4 && upper(command[3]) == "FAILOVER";
    if (!from || (command.size() != 3 && !failover)) {
      out_ += error_line("ERR PSYNC needs a replid, an offset and nothing else but FAILOVER");
    } else {
      psync_ = PsyncRequest{command[1], *from, failover};
    }
  } else if (command[0] == "SYNC" && !transaction_) {
    plain_sync_ = true;
    psync_ = PsyncRequest{"?", -1, false};
  } else if (transaction_ && command[0] != "EXEC" && command[0] != "DISCARD" && command[0] != "MULTI") {
    out_ += queue(std::move(command));
  } else {
    const Answer bytes = co_await answer(std::move(command));
    out_ += bytes;
  }
  writable_.ring();
}

/// What is not queued makes EXEC fail, as with Redis.
Session::Answer Session::queue(Command command) {
  for (const std::string& word : command) transaction_bytes_ += word.size();
  if (known(transaction_).size() >= kTransactionMax || transaction_bytes_ > kTransactionBytesMax) {
    transaction_overflows_ = true;
    return error_line("ERR a transaction may have " + std::to_string(kTransactionMax) + " commands and " +
                      std::to_string(kTransactionBytesMax) + " bytes");
  }
  known(transaction_).push_back(std::move(command));
  return "+QUEUED\r\n";
}

/// Orders wait for the disk; everything else is answered at once.
Task<Session::Answer> Session::answer(Command command) {
  const std::string& name = command[0];
  if (name == "EXEC") co_return co_await exec();
  if (name == "REPLICAOF" || name == "SLAVEOF") co_return co_await replicaof(std::move(command));
  if (name == "KEEPER" && command.size() > 1) {
    const std::string what = upper(command[1]);
    if (what == "SETSTATE") co_return co_await setstate(std::move(command));
    if (what == "HANDOVER") co_return co_await handover(std::move(command));
    if (what == "HISTORY") co_return co_await history(std::move(command));
  }
  co_return answer_at_once(command);
}

Session::Answer Session::answer_at_once(const Command& command) {
  const std::string& name = command[0];
  if (name == "PING")
    return command.size() > 1 ? "$" + std::to_string(command[1].size()) + "\r\n" + command[1] + "\r\n"
                              : "+PONG\r\n";
  if (name == "KEEPER") return keeper_command(command);
  if (name == "REPLCONF") return replconf(command);
  if (name == "INFO") {
    std::string out;
    resp::append_bulk(out, info_text(facts(), command.size() > 1 ? command[1] : ""));
    return out;
  }
  if (name == "ROLE") {
    std::string out;
    resp::append_value(out, role_reply(keeper_.report()));
    return out;
  }
  if (name == "MULTI") {
    if (transaction_) return error_line("ERR MULTI calls can not be nested");
    transaction_.emplace();
    transaction_bytes_ = 0;
    transaction_overflows_ = false;
    return ok();
  }
  if (name == "DISCARD") {
    if (!transaction_) return error_line("ERR DISCARD without MULTI");
    transaction_.reset();
    return ok();
  }
  if (name == "CLIENT") return client(command);
  if (name == "CONFIG") {
    if (command.size() > 1 && upper(command[1]) == "GET") return "*0\r\n";
    if (command.size() > 1 && (upper(command[1]) == "REWRITE" || upper(command[1]) == "RESETSTAT"))
      return ok();
    return error_line("ERR a keeper has no CONFIG of its own; see its configuration file");
  }
  if (name == "SUBSCRIBE") return subscribe(command);
  if (name == "UNSUBSCRIBE") {
    channels_.clear();
    return "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n";
  }
  if (name == "PUBLISH") return publish_command(command);
  if (name == "AUTH") return auth(command);
  if (name == "HELLO") return error_line("NOPROTO unsupported protocol version");
  if (name == "SCRIPT") return error_line("NOTBUSY No scripts in execution right now.");
  if (name == "SELECT") return ok();
  if (name == "COMMAND") return "*0\r\n";
  if (name == "QUIT") {
    closing_ = true;
    return ok();
  }
  return error_line("ERR unknown command '" + name.substr(0, 64) +
                    "': this is a keeper, it holds a replication log and no data");
}

Task<Session::Answer> Session::exec() {
  if (!transaction_) co_return error_line("ERR EXEC without MULTI");
  std::vector<Command> commands = std::move(*transaction_);
  transaction_.reset();
  if (transaction_overflows_)
    co_return error_line("EXECABORT Transaction discarded because of previous errors.");
  std::string out;
  resp::append_array_header(out, commands.size());
  for (Command& command : commands) {
    const Answer bytes = co_await answer(std::move(command));
    out += bytes;
  }
  co_return out;
}

Session::Answer Session::keeper_command(const Command& command) {
  const std::string what = command.size() > 1 ? upper(command[1]) : "";
  if (what == "GETSTATE") {
    std::string out;
    resp::append_value(out, model::to_resp(keeper_.report()));
    return out;
  }
  if (what == "INFO") {
    std::string out;
    resp::append_bulk(out, info_text(facts(), ""));
    return out;
  }
  if (what == "ACCEPTEMPTY") {
    keeper_.accept_empty_upstream();
    return ok();
  }
  return error_line("ERR KEEPER knows GETSTATE, SETSTATE, INFO, HISTORY, HANDOVER and ACCEPTEMPTY");
}

/// KEEPER SETSTATE ACTIVE|BACKUP <ip> <port> EPOCH <u64> [ACTIVEDC yes|no] [MEMBERS <ip:port> …]
Task<Session::Answer> Session::setstate(Command command) {
  if (command.size() < 7) co_return wrong_arguments("KEEPER SETSTATE");
  Order order;
  const std::string state = upper(command[2]);
  if (state != "ACTIVE" && state != "BACKUP") co_return error_line("ERR state: must be ACTIVE or BACKUP");
  order.active = state == "ACTIVE";
  if (command[3] != "-") {
    auto upstream = make_address(command[3], number<std::int64_t>(command[4]).value_or(0));
    if (!upstream) co_return error_line("ERR upstream: " + upstream.error().message);
    order.upstream = upstream.value();
  }
  const auto epoch = upper(command[5]) == "EPOCH" ? number<std::uint64_t>(command[6]) : std::nullopt;
  if (!epoch) co_return error_line("ERR EPOCH: must be followed by an unsigned number");
  order.epoch = *epoch;
  for (std::size_t i = 7; i < command.size(); ++i) {
    const std::string word = upper(command[i]);
    if (word == "ACTIVEDC" && i + 1 < command.size()) {
      const std::string value = upper(command[++i]);
      if (value != "YES" && value != "NO") co_return error_line("ERR ACTIVEDC: must be yes or no");
      order.active_dc = value == "YES";
    } else if (word == "MEMBERS") {
      while (++i < command.size()) {
        auto member = parse_address(command[i]);
        if (!member) co_return error_line("ERR MEMBERS: " + member.error().message);
        order.members.push_back(member.value());
      }
    } else {
      co_return error_line("ERR SETSTATE: unexpected '" + command[i].substr(0, 64) + "'");
    }
  }
  co_return answer_of(co_await keeper_.set_state(order));
}

/// KEEPER HANDOVER ARM <replid> EPOCH <u64> TTL <ms> | HOLD <replid> <offset> | ACCEPT | ABORT
Task<Session::Answer> Session::handover(Command command) {
  const std::string what = command.size() > 2 ? upper(command[2]) : "";
  if (what == "ACCEPT") co_return answer_of(co_await keeper_.accept_handover());
  if (what == "ABORT") co_return answer_of(co_await keeper_.abort_handover());
  if (what == "HOLD") {
    const auto offset = command.size() == 5 ? number<std::int64_t>(command[4]) : std::nullopt;
    if (!offset || *offset < 0) co_return error_line("ERR HOLD: needs a replid and an offset");
    co_return answer_of(co_await keeper_.hold_handover(command[3], *offset));
  }
  if (what != "ARM") co_return error_line("ERR HANDOVER knows ARM, HOLD, ACCEPT and ABORT");
  if (command.size() != 8 || upper(command[4]) != "EPOCH" || upper(command[6]) != "TTL")
    co_return wrong_arguments("KEEPER HANDOVER ARM");
  const auto epoch = number<std::uint64_t>(command[5]);
  const auto ttl = number<std::int64_t>(command[7]);
  if (!epoch) co_return error_line("ERR EPOCH: must be an unsigned number");
  if (!ttl) co_return error_line("ERR TTL: must be a number of milliseconds");
  co_return answer_of(co_await keeper_.arm_handover(command[3], *epoch, *ttl));
}

/// KEEPER HISTORY <bytes>: from another keeper that wants to begin with about that much of our log.
Task<Session::Answer> Session::history(Command command) {
  const auto bytes = command.size() == 3 ? number<std::int64_t>(command[2]) : std::nullopt;
  if (!bytes || *bytes < 0) co_return error_line("ERR HISTORY: needs a number of bytes");
  if (const auto why = circle(); !why.empty()) {
    keeper_.link_.blame(why);
    co_return error_line("NOMASTERLINK " + why);
  }
  const HistoryAnswer answer = co_await keeper_.journal_.describe_history(*bytes);
  if (answer.history.replid.empty()) co_return error_line("NOMASTERLINK this keeper has no history yet");
  co_return "+" + to_line(answer) + "\r\n";
}

/// AUTH [user] password: there is one password, whoever says it.
Session::Answer Session::auth(const Command& command) {
  if (command.size() != 2 && command.size() != 3) return wrong_arguments("AUTH");
  const std::string& required = keeper_.options().required_password;
  if (required.empty())
    return error_line("ERR AUTH <password> called without any password configured for this keeper");
  if (!same_secret(command.back(), required))
    return error_line("WRONGPASS invalid username-password pair or user is disabled.");
  authenticated_ = true;
  said_ = {command.size() == 3 ? command[1] : "", command.back()};
  reader_.set_limits({});
  return ok();
}

Session::Answer Session::replconf(const Command& command) {
  if (command.size() < 3 || command.size() % 2 == 0) return error_line("ERR syntax error");
  if (command[1] == kStreamOption && command[2] == kZstd && keeper_.options().links.zstd_level > 0) {
    zstd_ = true;
    return std::string(kZstdAgreed) + "\r\n";
  }
  for (std::size_t i = 1; i + 1 < command.size(); i += 2) {
    if (upper(command[i]) == "ACK") return "";  // acknowledgements are never answered
    if (auto refused = replconf_option(command[i], command[i + 1]); !refused.empty()) return refused;
  }
  return ok();
}

/// Empty: taken. +OK to everything would agree to things we do not do: newer servers negotiate compression
/// this way. Every replica takes an error for "not here" and goes on.
Session::Answer Session::replconf_option(const std::string& name, const std::string& value) {
  const std::string option = upper(name);
  if (option == "LISTENING-PORT") {
    const auto port = number<std::uint16_t>(value);
    if (!port) return error_line("ERR value is not an integer or out of range");
    replica_port_ = *port;
  } else if (option == "IP-ADDRESS") {
    if (!is_host(value)) return error_line("ERR ip-address: must be an address or a host name");
    replica_host_ = value;
  } else if (option == "VERSION") {
    version_ = announced_version(value);
    if (!version_) return error_line("ERR Unrecognized version format: " + value.substr(0, 64));
  } else if (option == "RDB-ONLY") {
    if (value != "0" && value != "1")
      return error_line("ERR value is out of range, value must between 0 and 1");
    rdb_only_ = value == "1";
  } else if (option == "RDB-FILTER-ONLY") {
    return error_line("ERR Unsupported rdb-filter-only option: a keeper passes an RDB on as it is");
  } else if (option == "RDB-COVERS") {
    const auto offset = number<std::int64_t>(value);
    if (!offset) return error_line("ERR value is not an integer or out of range");
    rdb_covers_ = *offset;
  } else if (option == "CAPA") {
    knows_eof_ = knows_eof_ || upper(value) == "EOF";
  } else {
    return error_line("ERR Unrecognized REPLCONF option: " + name.substr(0, 64));
  }
  return "";
}

Task<Session::Answer> Session::replicaof(Command command) {
  if (command.size() != 3) co_return wrong_arguments(command[0]);
  if (upper(command[1]) == "NO" && upper(command[2]) == "ONE")
    co_return answer_of(co_await keeper_.replicaof(std::nullopt));
  auto target = make_address(command[1], number<std::int64_t>(command[2]).value_or(0));
  if (!target) co_return error_line("ERR " + target.error().message);
  co_return answer_of(co_await keeper_.replicaof(target.value()));
}

Session::Answer Session::client(const Command& command) {
  const std::string what = command.size() > 1 ? upper(command[1]) : "";
  if (what == "SETNAME" || what == "SETINFO" || what == "NO-EVICT" || what == "NO-TOUCH") return ok();
  if (what == "KILL") return ":0\r\n";
  if (what == "ID") return ":1\r\n";
  if (what == "GETNAME") return "$-1\r\n";
  return error_line("ERR unknown CLIENT subcommand");
}

Session::Answer Session::subscribe(const Command& command) {
  if (command.size() < 2) return wrong_arguments("SUBSCRIBE");
  std::string out;
  for (std::size_t i = 1; i < command.size(); ++i) {
    if (channels_.size() >= kChannelsMax && !channels_.contains(command[i]))
      return out + error_line("ERR a connection may have " + std::to_string(kChannelsMax) + " channels");
    if (command[i].size() > kChannelNameMax)
      return out + error_line("ERR a channel's name may have " + std::to_string(kChannelNameMax) + " bytes");
    channels_.insert(command[i]);
    resp::append_array_header(out, 3);
    resp::append_bulk(out, "subscribe");
    resp::append_bulk(out, command[i]);
    resp::append_integer(out, static_cast<std::int64_t>(channels_.size()));
  }
  return out;
}

/// Looped back to our own subscribers: Sentinels find each other's greetings on every instance that they
/// watch.
Session::Answer Session::publish_command(const Command& command) {
  if (command.size() != 3) return wrong_arguments("PUBLISH");
  std::int64_t receivers = 0;
  for (Session* session : keeper_.sessions_) {
    if (!session->subscribes(command[1])) continue;
    session->publish(command[1], command[2]);
    ++receivers;
  }
  return ":" + std::to_string(receivers) + "\r\n";
}

void Session::publish(const std::string& channel, const std::string& message) {
  if (out_.size() > kOutMax) {
    stream_->close();
    return;
  }
  resp::append_array_header(out_, 3);
  resp::append_bulk(out_, "message");
  resp::append_bulk(out_, channel);
  resp::append_bulk(out_, message);
  writable_.ring();
}

serve::Conduct Session::conduct() const {
  return {.is_authenticated = authenticated_,
          .is_replica = is_replica(),
          .is_subscribed = !channels_.empty(),
          .inside_command = reader_.inside_command(),
          .is_written_to = sending_since_.has_value() && !is_replica(),
          .began_ms = began_ms_,
          .command_began_ms = command_began_ms_,
          .last_command_ms = last_command_ms_,
          .written_since_ms = sending_since_.value_or(0)};
}

FeedSigns Session::signs() {
  const std::int64_t now = keeper_.now_ms();
  const std::uint64_t sent = stream_->facts().wire_out;
  if (sending_since_ && std::exchange(sent_, sent) != sent) sending_since_ = now;
  return {.phase = phase_,
          .unsent_ms = sending_since_ ? now - *sending_since_ : 0,
          .silent_ms = plain_sync_ ? 0 : now - last_byte_ms_,
          .lost = streaming_ && next_ < keeper_.journal_.history().log_first};
}

void Session::cut_if_overdue() {
  std::string why = serve::overdue(conduct(), keeper_.options().patience, keeper_.now_ms());
  if (why.empty() && is_replica()) why = why_cut(signs(), keeper_.options().replica_timeout.count());
  if (why.empty()) return;
  kLog.warn(is_replica() ? "a replica is cut off" : "a connection is cut off",
            {{"peer", is_replica() ? replica_line().address.text() : stream_->peer().text()}, {"why", why}});
  stream_->close();
}

ReplicaLine Session::replica_line() const {
  ReplicaLine line;
  line.address = {replica_host_.empty() ? stream_->peer().host : replica_host_, replica_port_};
  line.state = phase_ == FeedSigns::Phase::waits       ? "wait_bgsave"
               : phase_ == FeedSigns::Phase::takes_rdb ? "send_bulk"
                                                       : "online";
  line.offset = acknowledged_;
  line.lag_seconds = std::chrono::duration_cast<std::chrono::seconds>(MonoClock::now() - last_ack_).count();
  return line;
}

InfoFacts Session::facts() const {
  InfoFacts facts;
  facts.report = keeper_.report();
  facts.port = keeper_.options().listen.port;
  facts.backlog_bytes = static_cast<std::int64_t>(keeper_.options().store.log_bytes_max);
  facts.partial_syncs_served = keeper_.partial_syncs_served_;
  facts.partial_syncs = keeper_.link_.partial_syncs();
  facts.written = keeper_.journal_.written();
  facts.durable = keeper_.journal_.durable();
  facts.diverged_files = keeper_.journal_.saved_tails();
  facts.upstream_error = keeper_.upstream_error();
  facts.disk_trouble = keeper_.journal_.trouble();
  facts.pretended_upstream = keeper_.pretended_upstream_;
  facts.connections = keeper_.entrance_.inside();
  facts.connections_max = keeper_.options().caps.per_port;
  facts.connections_refused = keeper_.entrance_.refused();
  facts.upstream_link = keeper_.link_.facts();
  for (const Session* session : keeper_.sessions_) {
    if (!session->is_replica()) continue;
    facts.replicas.push_back(session->replica_line());
    facts.replica_links.push_back({facts.replicas.back().address, session->facts_of_link()});
  }
  return facts;
}

}  // namespace penstock::keeper

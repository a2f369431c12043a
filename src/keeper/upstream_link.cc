#include "keeper/upstream_link.h"

#include <charconv>
#include <random>

#include "common/async/within.h"
#include "common/log/log.h"
#include "common/net/tcp_stream.h"
#include "common/net/zstd_stream.h"
#include "common/resp/encode.h"
#include "keeper/core/rdb_check.h"
#include "keeper/core/rdb_framing.h"
#include "keeper/core/retry_pause.h"

namespace penstock::keeper {
namespace {

constexpr log::Logger kLog{"keeper"};
constexpr Millis kRdbFetchPause{2'000};
constexpr Millis kUnanswered{15'000};          ///< a host that is gone does not even acknowledge segments
constexpr std::size_t kLineBytesMax = 16'384;  ///< of the handshake
constexpr Millis kHeldPause{30'000};           ///< an empty upstream makes an RDB for each of our questions

double unit_random() {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

/// "+FULLRESYNC <replid> <offset>"
Result<std::pair<std::string, std::int64_t>> parse_full_resync(std::string_view line) {
  const std::string_view rest = line.substr(std::string_view("+FULLRESYNC ").size());
  const auto space = rest.find(' ');
  std::int64_t offset = 0;
  if (space != std::string_view::npos && is_replid(rest.substr(0, space))) {
    const auto [end, error] = std::from_chars(rest.data() + space + 1, rest.data() + rest.size(), offset);
    if (error == std::errc{} && end == rest.data() + rest.size() && offset >= 0 && offset <= kOffsetMax)
      return std::pair(std::string(rest.substr(0, space)), offset);
  }
  return fail(Errc::protocol, "bad answer to PSYNC: '" + std::string(line.substr(0, 100)) + "'");
}

/// `state`: what the link was in when it ended.
Trouble trouble_of(const Error& error, std::string_view state) {
  if (state == "sync") return Trouble::costly;
  if (error.code == Errc::unavailable) return state == "handshake" ? Trouble::busy : Trouble::away;
  const bool nonsense =
      error.code == Errc::refused || error.code == Errc::protocol || error.code == Errc::corrupt;
  return nonsense ? Trouble::refused : Trouble::away;
}

}  // namespace

Error refusal(std::string_view line) {
  for (const char* passing : {"-LOADING", "-NOMASTERLINK", "-MASTERDOWN", "-BUSY"})
    if (line.starts_with(passing)) return {Errc::unavailable, std::string(line.substr(1))};
  return {Errc::refused, std::string(line.substr(0, 200))};
}

UpstreamLink::UpstreamLink(Executor executor, Journal& journal, UpstreamListener& listener,
                           UpstreamOptions options)
    : executor_(executor),
      journal_(journal),
      listener_(listener),
      options_(std::move(options)),
      moved_(executor),
      rdb_wanted_(executor),
      repointed_(executor),
      ack_now_(executor) {}

void UpstreamLink::set_state(std::string state) {
  if (state_ == state) return;
  state_ = std::move(state);
  listener_.upstream_changed();
}

void UpstreamLink::follow(std::optional<Address> upstream, UpstreamKind kind) {
  kind_ = kind;  // with the same address again: for the next link to it
  if (upstream_ == upstream) return;
  kLog.info("upstream", {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
                         {"from", upstream_ ? upstream_->text() : "none"},
                         {"to", upstream ? upstream->text() : "none"}});
  upstream_ = std::move(upstream);
  held_back_ = empty_accepted_ = false;
  last_error_.clear();
  circle_.clear();
  set_state(upstream_ ? "connecting" : "none");
  cut();
  moved_.ring();
  repointed_.ring();
}

void UpstreamLink::cut() {
  if (current_ && current_->stream) current_->stream->close();
}

void UpstreamLink::acknowledge_eagerly(bool eagerly) {
  eager_acks_ = eagerly;
  if (eagerly) ack_now_.ring();  // what came before this has been acknowledged a second ago at worst
}

Task<void> UpstreamLink::run() {
  RetryPause backoff;
  for (;;) {
    if (!upstream_) {
      if (auto moved = co_await moved_.wait_for(Millis{60'000}); !moved) co_return;
      continue;
    }
    const Address target = *upstream_;
    const MonoTime began = MonoClock::now();
    streamed_ = false;
    auto ended = co_await attach(target);
    journal_.hurry();  // nothing more comes that would be worth waiting for
    if (upstream_ != target) {
      backoff.reset();
      continue;
    }
    const Trouble trouble = trouble_of(ended.error(), state_);
    set_state(held_back_ ? "held" : "connecting");
    if (ended.error().code == Errc::cancelled) co_return;
    if (last_error_ != ended.error().message)
      kLog.warn("upstream link ended", {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
                                        {"upstream", target.text()},
                                        {"why", ended.error().message}});
    last_error_ = ended.error().message;
    // A link that has streamed for a while and was closed deserves a quick next try: a relay above us closes
    // it to tell of a new replid. Failures in a row, or nonsense in the stream, slow us down. Never a hot
    // loop.
    const bool served_well =
        streamed_ && ended.error().code == Errc::io && MonoClock::now() - began > Millis{1'000};
    if (served_well) backoff.reset();
    const Millis pause = held_back_ ? kHeldPause : backoff.after(trouble, unit_random());
    if (auto waited = co_await moved_.wait_for(pause); !waited) co_return;
  }
}

Task<Result<>> UpstreamLink::attach(Address upstream) {
  Connection connection;
  struct Current {
    UpstreamLink& link;
    ~Current() {
      link.cut();
      link.carried_ += link.facts();
      link.current_ = nullptr;
    }
  } current{*this};
  current_ = &connection;
  if (upstream == options_.self)
    co_return fail(Errc::refused, "a circle: the upstream " + upstream.text() + " is this keeper itself");
  if (!circle_.empty()) co_return fail(Errc::refused, circle_);
  if (!held_back_) set_state("connecting");
  PS_CO_TRY(co_await connect(&connection, upstream));
  if (!held_back_) set_state("handshake");
  PS_CO_TRY(co_await handshake(&connection));

  PS_CO_TRY(const auto start, co_await starting_point(&connection));
  std::vector<std::string> psync{"PSYNC", start.replid, std::to_string(start.from)};
  PS_CO_TRY(auto line, co_await ask_for_stream(&connection, std::move(psync)));
  if (line.starts_with("+CONTINUE")) {
    PS_CO_TRY(co_await go_on(upstream, start, line.size() > 10 ? line.substr(10) : start.replid));
  } else if (line.starts_with("+FULLRESYNC ")) {
    PS_CO_TRY(auto full, parse_full_resync(line));
    const ReplHistory had = journal_.history();
    kLog.info("full resync from upstream", {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
                                            {"upstream", upstream.text()},
                                            {"replid", full.first},
                                            {"offset", full.second},
                                            {"had", had.replid},
                                            {"end", had.end}});
    if (!held_back_) set_state("sync");
    PS_CO_TRY(co_await receive_rdb(&connection, upstream, full.first, full.second,
                                   Store::RdbPurpose::new_generation));
  } else {
    co_return fail(line.starts_with('-')
                       ? refusal(line)
                       : Error{Errc::protocol, "bad answer to PSYNC: '" + line.substr(0, 100) + "'"});
  }
  set_state("connected");
  last_error_.clear();
  co_return co_await stream(&connection);
}

Task<Result<>> UpstreamLink::connect(Connection* connection, Address upstream) {
  if (options_.connect) {
    PS_CO_TRY(connection->stream, options_.connect(upstream));
    co_return success();
  }
  const auto tcp = std::make_shared<net::TcpStream>(executor_);
  PS_CO_TRY(co_await dial(tcp, std::move(upstream),
                          wants(options_.links.tls_to) ? options_.links.tls : nullptr, options_.reply_timeout,
                          &connection->stream));
  tcp->give_up_after(kUnanswered);
  co_return success();
}

Task<Result<>> UpstreamLink::read_more(Connection* connection) {
  constexpr std::size_t kAtOnce = 4096;
  const std::size_t old = connection->input.size();
  connection->input.resize(old + kAtOnce);
  auto read = co_await connection->stream->read_some({connection->input.data() + old, kAtOnce});
  connection->input.resize(old + (read ? read.value() : 0));
  if (!read) co_return fail(std::move(read).error());
  co_return success();
}

/// One line of the handshake. Empty ones are keep-alives: the upstream is busy, and each gives it more time.
Task<Result<std::string>> UpstreamLink::read_line(Connection* connection) {
  for (;;) {
    const auto newline = connection->input.find('\n');
    if (newline != std::string::npos) {
      std::string line = connection->input.substr(0, newline);
      connection->input.erase(0, newline + 1);
      if (line.ends_with('\r')) line.pop_back();
      if (line.empty()) continue;
      co_return line;
    }
    if (connection->input.empty()) {
      PS_CO_TRY(co_await within(options_.silence_timeout, "answer of the upstream", read_more(connection)));
    } else {
      PS_CO_TRY(co_await within(options_.reply_timeout, "rest of a line", read_rest_of_line(connection)));
    }
  }
}

/// A line that has begun has to end soon, as with replicas of Redis.
Task<Result<>> UpstreamLink::read_rest_of_line(Connection* connection) {
  while (connection->input.find('\n') == std::string::npos) {
    if (connection->input.size() > kLineBytesMax)
      co_return fail(Errc::protocol, "a line of more than " + std::to_string(kLineBytesMax) + " bytes");
    PS_CO_TRY(co_await read_more(connection));
  }
  co_return success();
}

Task<Result<std::string>> UpstreamLink::ask(Connection* connection, std::vector<std::string> command) {
  PS_CO_TRY(co_await net::write_bytes(connection->stream, resp::encode_command(command)));
  co_return co_await read_line(connection);
}

/// Each answer is read before the next command goes out: PSYNC behind pending output is an error at some
/// masters. `rdb_only`: no stream is wanted, and an RDB that covers it up to there; a Redis does not know
/// that word, and makes a new one anyway.
Task<Result<>> UpstreamLink::handshake(Connection* connection, std::optional<std::int64_t> rdb_only) {
  std::vector<std::string> ping{"PING"};
  PS_CO_TRY(auto pong, co_await ask(connection, std::move(ping)));
  const bool alive = pong.starts_with('+') || pong.starts_with("-NOAUTH") || pong.starts_with("-NOPERM") ||
                     pong.starts_with("-ERR operation not permitted");
  if (!alive) co_return fail(refusal(pong));
  PS_CO_TRY(co_await authenticate(connection));
  std::vector<std::vector<std::string>> introductions;
  if (!rdb_only) {
    introductions.push_back({"REPLCONF", "listening-port", std::to_string(options_.listening_port)});
    if (!options_.announce_host.empty())
      introductions.push_back({"REPLCONF", "ip-address", options_.announce_host});
  }
  introductions.push_back({"REPLCONF", "capa", "eof", "capa", "psync2"});
  if (!options_.announce_version.empty())
    introductions.push_back({"REPLCONF", "version", options_.announce_version});
  if (rdb_only) {
    introductions.push_back({"REPLCONF", "rdb-only", "1"});
    introductions.push_back({"REPLCONF", "rdb-covers", std::to_string(*rdb_only)});
  }
  for (auto& introduction : introductions) {
    PS_CO_TRY(auto answer, co_await ask(connection, introduction));
    if (rdb_only && answer.starts_with('-') && introduction[1] == "rdb-only") co_return fail(refusal(answer));
  }
  if (!wants(options_.links.zstd_to)) co_return success();
  co_return co_await agree_on_compression(connection);
}

Task<Result<>> UpstreamLink::agree_on_compression(Connection* connection) {
  std::vector<std::string> question{"REPLCONF", std::string(kStreamOption), std::string(kZstd)};
  PS_CO_TRY(const auto answer, co_await ask(connection, std::move(question)));
  connection->zstd = answer == kZstdAgreed;
  co_return success();
}

/// PSYNC. With the line of the answer in our hands the link carries what was agreed on.
Task<Result<std::string>> UpstreamLink::ask_for_stream(Connection* connection,
                                                       std::vector<std::string> psync) {
  PS_CO_TRY(auto line, co_await ask(connection, std::move(psync)));
  if (connection->zstd && line.starts_with('+'))
    connection->stream = std::make_shared<net::ZstdStream>(
        connection->stream, net::ZstdOptions{.compressed_in = true}, std::exchange(connection->input, {}));
  co_return line;
}

net::LinkFacts UpstreamLink::facts() const {
  return current_ && current_->stream ? current_->stream->facts() : net::LinkFacts();
}

net::Traffic UpstreamLink::traffic() const {
  net::Traffic all = carried_;
  return all += facts();
}

Task<Result<>> UpstreamLink::authenticate(Connection* connection) {
  if (options_.password.empty()) co_return success();
  std::vector<std::string> auth{"AUTH", options_.password};
  if (!options_.user.empty()) auth.insert(auth.begin() + 1, options_.user);
  PS_CO_TRY(auto answer, co_await ask(connection, std::move(auth)));
  if (answer.starts_with('-')) co_return fail(refusal(answer).in("AUTH"));
  co_return success();
}

/// What arrives goes to disk, and from there at once to the replicas that wait for it (rdb_transit.h).
Task<Result<>> UpstreamLink::receive_rdb(Connection* connection, Address upstream, std::string replid,
                                         std::int64_t offset, Store::RdbPurpose purpose) {
  const auto pin = co_await journal_.pin(offset + 1);  // the log that an RDB beside the stream belongs to
  PS_CO_TRY(const auto transit, co_await journal_.begin_rdb(std::move(replid), offset, purpose));
  struct Unfinished {
    Journal& journal;
    UpstreamListener& listener;
    Journal::Transit transit;
    ~Unfinished() {
      journal.abandon_rdb(transit);
      listener.upstream_changed();
    }
  } unfinished{journal_, listener_, transit};
  RdbCheck check;
  PS_CO_TRY(co_await read_rdb(connection, transit, &check));
  PS_CO_TRY(check_rdb(check, purpose));
  if (purpose == Store::RdbPurpose::new_generation && !journal_.history().replid.empty()) {
    PS_CO_TRY(co_await save_what_diverges(upstream));
  }
  {
    PS_CO_TRY(const auto turn, co_await journal_.turn());
    PS_CO_TRY(co_await journal_.commit_rdb(transit, !check.holds_nothing()));
    empty_accepted_ = held_back_ = false;
  }
  if (purpose == Store::RdbPurpose::for_current_log) co_return success();
  listener_.history_changed();
  // With $EOF: framing the master streams nothing before it hears this.
  co_return co_await send_ack();
}

Task<Result<>> UpstreamLink::read_rdb(Connection* connection, Journal::Transit transit, RdbCheck* check) {
  RdbFraming framing;
  const auto block = take_block(StreamWindow::kBlockMax);
  std::string_view input = connection->input;
  for (;;) {
    bool complete = false;
    while (!input.empty() && !complete) {
      PS_CO_TRY(const auto progress, framing.feed(input));
      check->feed(progress.payload);
      transit->length = framing.length();
      PS_CO_TRY(co_await journal_.write_rdb(transit, {block, progress.payload}));
      complete = progress.complete;
      input.remove_prefix(progress.consumed);
    }
    transit->holds_something = check->holds_something();
    listener_.upstream_changed();
    if (complete) break;
    auto read = co_await within(options_.silence_timeout, "RDB",
                                read_some(connection, {block.get(), StreamWindow::kBlockMax}));
    if (!read) co_return fail(std::move(read).error());
    input = {block.get(), read.value()};
  }
  connection->input = std::string(input);
  co_return success();
}

/// A replica that gets an RDB which it cannot load has lost what it had: what we hold stays until this one is
/// whole. And a master that came back with nothing would wipe every data center behind us within a second.
Result<> UpstreamLink::check_rdb(const RdbCheck& check, Store::RdbPurpose purpose) {
  PS_TRY(check.finish());
  held_back_ = purpose == Store::RdbPurpose::new_generation && check.holds_nothing() &&
               journal_.meta().has_data && !empty_accepted_;
  if (held_back_)
    return fail(
        Errc::refused,
        "held back: the upstream is empty and this keeper holds data (KEEPER ACCEPTEMPTY lets it through)");
  return success();
}

void UpstreamLink::accept_empty() {
  empty_accepted_ = true;
  moved_.ring();
}

void UpstreamLink::blame(std::string why) {
  if (last_error_ == why) return;
  last_error_ = std::move(why);
  kLog.error("upstream cannot be followed", {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
                                             {"upstream", upstream_ ? upstream_->text() : ""},
                                             {"why", last_error_}});
}

Task<Result<std::size_t>> UpstreamLink::read_some(Connection* connection, std::span<char> into) {
  PS_CO_TRY(const std::size_t n, co_await connection->stream->read_some(into));
  last_byte_ = MonoClock::now();
  co_return n;
}

Task<Result<>> UpstreamLink::stream(Connection* connection) {
  last_byte_ = MonoClock::now();
  std::string rest = std::exchange(connection->input, {});  // came with the answer, or behind the RDB
  std::size_t taken = 0;
  for (;;) {
    PS_CO_TRY(co_await journal_.room());
    const std::span<char> space = journal_.space();
    std::size_t n = std::min(space.size(), rest.size() - taken);
    if (n > 0) {
      std::ranges::copy_n(rest.data() + taken, static_cast<std::ptrdiff_t>(n), space.data());
      taken += n;
    } else {
      PS_CO_TRY(n, co_await read_some(connection, space));
    }
    PS_CO_TRY(journal_.commit(n));
    streamed_ = true;
    if (journal_.scanner().getacks_in_last_feed() > 0) asked_at_ = journal_.scanner().end();
    if (asked_at_ >= 0 || eager_acks_) journal_.hurry();
    listener_.log_grew();
  }
}

void UpstreamLink::wrote_more() {
  const bool asked = asked_at_ >= 0 && journal_.written() >= asked_at_;
  if (asked) asked_at_ = -1;
  if (asked || eager_acks_) ack_now_.ring();
}

Task<Result<>> UpstreamLink::send_ack() {
  if (!current_) co_return success();
  if (sending_ack_) {  // the one under way names an older offset
    ack_now_.ring();
    co_return success();
  }
  struct Sending {
    bool& flag;
    ~Sending() { flag = false; }
  } sending{sending_ack_};
  sending_ack_ = true;
  // FACK is what WAITAOF counts; older masters do not read that far.
  std::string bytes = resp::encode_command(
      {"REPLCONF", "ACK", std::to_string(journal_.written()), "FACK", std::to_string(journal_.durable())});
  co_return co_await net::write_bytes(current_->stream, std::move(bytes));
}

Task<void> UpstreamLink::run_acks() {
  for (;;) {
    if (auto waited = co_await ack_now_.wait_for(Millis{1'000}); !waited) co_return;
    if (!current_) continue;
    if (streaming()) {
      const bool reads = !journal_.stands_still();  // a full disk keeps us from it: that is not silence
      if (reads && MonoClock::now() - last_byte_ > options_.silence_timeout) {
        kLog.warn("upstream is silent", {{"upstream", upstream_ ? upstream_->text() : ""}});
        cut();
        continue;
      }
      if (auto sent = co_await send_ack(); !sent && sent.error().code == Errc::cancelled) co_return;
    } else if (state_ == "sync" && !sending_ack_) {
      // A loading replica says so with bare newlines; they keep the master from giving up on us.
      auto sent = co_await net::write_bytes(current_->stream, "\n");
      if (!sent && sent.error().code == Errc::cancelled) co_return;
    }
  }
}

void UpstreamLink::want_rdb(std::int64_t covers) {
  if (fetching_rdb_ || !streaming()) return;
  rdb_to_cover_ = std::max(rdb_to_cover_, covers);
  rdb_wanted_.ring();
}

Task<void> UpstreamLink::run_rdb_fetches() {
  RetryPause backoff;
  for (;;) {
    auto wanted = co_await rdb_wanted_.wait_for(Millis{60'000});
    if (!wanted) co_return;
    const std::int64_t covers = std::exchange(rdb_to_cover_, 0);
    const bool is_there = journal_.rdb_offset().value_or(-1) >= covers;
    if (!wanted.value() || !streaming() || !upstream_ || is_there) continue;
    fetching_rdb_ = true;
    auto fetched = co_await fetch_rdb(*upstream_, std::max(covers, journal_.history().log_first - 1));
    fetching_rdb_ = false;
    if (!fetched)
      kLog.warn("RDB could not be fetched beside the stream",
                {{"upstream", upstream_ ? upstream_->text() : ""}, {"why", fetched.error().message}});
    listener_.upstream_changed();
    if (fetched) backoff.reset();
    const Millis more = fetched ? Millis{0} : backoff.after(Trouble::costly, unit_random());
    if (auto slept = co_await sleep_for(std::max(kRdbFetchPause, more)); !slept) co_return;
  }
}

Task<Result<>> UpstreamLink::fetch_rdb(Address upstream, std::int64_t covers) {
  Connection connection;
  PS_CO_TRY(co_await connect(&connection, upstream));
  PS_CO_TRY(co_await handshake(&connection, covers));
  std::vector<std::string> psync{"PSYNC", "?", "-1"};
  PS_CO_TRY(auto line, co_await ask_for_stream(&connection, std::move(psync)));
  if (!line.starts_with("+FULLRESYNC ")) co_return fail(refusal(line));
  PS_CO_TRY(auto full, parse_full_resync(line));
  co_return co_await receive_rdb(&connection, upstream, full.first, full.second,
                                 Store::RdbPurpose::for_current_log);
}

}  // namespace penstock::keeper

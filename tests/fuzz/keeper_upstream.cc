// A master that says what the fuzzer wants, cut anywhere: answers to the handshake, full syncs in both
// framings, the stream, and anything else. The keeper stores what it was sent, at the offsets at which it was
// sent, and serves no other byte; a link that stands has been taken whole.
#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "common/serve/command_reader.h"
#include "fuzz/keeper_world.h"
#include "keeper/core/boundary_scanner.h"
#include "keeper/core/history_line.h"
#include "keeper/core/rdb_check.h"
#include "keeper/core/rdb_framing.h"

namespace {

using namespace penstock;
using namespace penstock::keeper;
using Command = std::vector<std::string>;

const std::string kOtherId(40, 'b');

/// A connection that the keeper has opened: what it has said and what it was sent.
struct Served {
  fuzz::World::Link link;
  serve::CommandReader reader;
  std::vector<Command> said;
  std::size_t answered = 0;
  std::string sent;

  void send(std::string_view bytes, std::uint8_t how) {
    sent += bytes;
    link->send(bytes, how);
  }
};

/// What a keeper has to make of a connection, read from all of it at once.
struct Meaning {
  enum class Kind { nothing, continues, full_sync } kind = Kind::nothing;
  std::string replid;
  std::int64_t before = 0;  ///< offset before the first byte of the stream
  std::string stream;
  std::string rdb;
  bool rdb_is_whole = false;
};

Meaning meaning_of(const Served& served) {
  Meaning meaning;
  std::string_view in = served.sent;
  std::string_view line;
  const Command* psync = nullptr;
  for (const Command& command : served.said) {
    do {
      const auto newline = in.find('\n');
      if (newline == std::string_view::npos) return meaning;
      line = in.substr(0, newline);
      in.remove_prefix(newline + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
    } while (line.empty());
    psync = &command;
    if (command[0] == "PSYNC") break;
  }
  if (!psync || (*psync)[0] != "PSYNC") return meaning;
  if (line.starts_with("+CONTINUE")) {
    meaning.kind = Meaning::Kind::continues;
    meaning.replid = line.size() > 10 ? line.substr(10) : (*psync)[1];
    const std::string& from = (*psync)[2];
    std::from_chars(from.data(), from.data() + from.size(), meaning.before);
    --meaning.before;
    meaning.stream = in;
    return meaning;
  }
  if (!line.starts_with("+FULLRESYNC ") || line.size() < 54) return meaning;
  meaning.kind = Meaning::Kind::full_sync;
  meaning.replid = line.substr(12, 40);
  std::from_chars(line.data() + 53, line.data() + line.size(), meaning.before);
  RdbFraming framing;
  while (!in.empty() && !meaning.rdb_is_whole) {
    auto progress = framing.feed(in);
    if (!progress) return meaning;
    meaning.rdb += progress.value().payload;
    meaning.rdb_is_whole = progress.value().complete;
    in.remove_prefix(progress.value().consumed);
  }
  if (meaning.rdb_is_whole) meaning.stream = in;
  RdbCheck check;
  check.feed(meaning.rdb);
  meaning.rdb_is_whole = meaning.rdb_is_whole && check.finish();
  return meaning;
}

/// Of an RDB beside the stream.
bool is_fetch(const Served& served) {
  return std::ranges::any_of(
      served.said, [](const Command& command) { return command.size() > 1 && command[1] == "rdb-only"; });
}

/// What the keeper may hold.
struct History {
  std::string replid;
  std::int64_t base = 0;  ///< offset before the first byte of `bytes`
  std::string bytes;
  std::int64_t end() const { return base + static_cast<std::int64_t>(bytes.size()); }
};

std::int64_t boundary_of(const History& history, std::int64_t end) {
  BoundaryScanner scanner(history.base);
  FUZZ_CHECK(
      scanner.feed(std::string_view(history.bytes).substr(0, static_cast<std::size_t>(end - history.base))));
  return scanner.transaction_boundary();
}

std::string rdb_of(std::size_t kind) {
  std::string rdb = "REDIS0011";
  if (kind != 1) rdb += std::string(1 + kind * 700, static_cast<char>('c' + kind));
  rdb += '\xff' + std::string(8, '\0');
  if (kind == 2) rdb.resize(rdb.size() / 2);
  if (kind == 3) rdb.back() = '!';
  return rdb;
}

std::string framed(const std::string& rdb, bool marked) {
  const std::string mark = "0123456789abcdef0123456789abcdef01234567";
  return marked ? "$EOF:" + mark + "\r\n" + rdb + mark : "$" + std::to_string(rdb.size()) + "\r\n" + rdb;
}

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

class Scene {
 public:
  Scene(const fuzz::Files& store) : world_(store, [](KeeperOptions& options) { options.standalone = true; }) {
    follow("10.0.0.1");
  }

  void step(fuzz::Input& input);
  /// Looks at everything that can be seen of the keeper.
  void settle();
  /// Asks for all that it holds, as replicas do.
  void read_everything();

 private:
  void follow(const std::string& host) {
    const auto link = world_.connect("10.9.9.9");
    link->send("REPLICAOF " + host + " 6379\r\n", 0);
    world_.settle();
    FUZZ_CHECK(link->take().starts_with("+OK"));
    link->end();
  }
  void listen();
  Served* pick(fuzz::Input& input) {
    return links_.empty() ? nullptr : links_[input.below(links_.size())].get();
  }
  void answer(Served& served, fuzz::Input& input);
  std::string redis_info(fuzz::Input& input) const;
  std::string keeper_info(fuzz::Input& input);
  std::string history_line(fuzz::Input& input) const;
  void restart();
  void learn();
  void check_rdb_in_transit(std::int64_t offset, std::string_view heard) const;
  void check_stream(const std::string& heard, std::int64_t from, std::int64_t end) const;

  fuzz::World world_;
  std::vector<std::unique_ptr<Served>> links_;
  Served* main_ = nullptr;  ///< the link on which the keeper replicates, the last one of them
  History history_;
  std::int64_t full_syncs_ = 0;
  std::multimap<std::int64_t, std::string> rdbs_;  ///< all that came whole, by offset
};

void Scene::listen() {
  for (auto& link : world_.take_dialled()) {
    links_.push_back(std::make_unique<Served>());
    links_.back()->link = std::move(link);
  }
  for (const auto& served : links_) {
    served->reader.feed(served->link->take());
    for (;;) {
      auto command = served->reader.next();
      FUZZ_CHECK(command, "a keeper's commands are well-formed");
      if (!command.value()) break;
      served->said.push_back(std::move(*command.value()));
      if (served->said.back()[0] == "PSYNC" && !is_fetch(*served)) main_ = served.get();
    }
  }
  std::erase_if(links_,
                [this](const auto& served) { return served->link->is_closed() && served.get() != main_; });
}

/// What the last link means for what may be held. Bytes behind the point from which it goes on are replaced
/// by its own.
void Scene::learn() {
  for (const auto& served : links_) {
    const Meaning meaning = meaning_of(*served);
    if (meaning.rdb_is_whole) rdbs_.emplace(meaning.before, meaning.rdb);
  }
  const model::KeeperReport report = world_.keeper().report();
  if (!main_) return;
  const Meaning meaning = meaning_of(*main_);
  if (report.full_syncs != full_syncs_) {
    FUZZ_CHECK(meaning.kind == Meaning::Kind::full_sync && meaning.rdb_is_whole,
               "a full sync that nobody sent");
    FUZZ_CHECK(report.full_syncs == full_syncs_ + 1 && report.replid == meaning.replid);
    full_syncs_ = report.full_syncs;
    history_ = {meaning.replid, meaning.before, meaning.stream};
  } else if (history_.replid.empty() && !report.replid.empty()) {
    FUZZ_CHECK(meaning.kind == Meaning::Kind::continues, "a history that nobody sent");
    FUZZ_CHECK(report.replid == meaning.replid);
    history_ = {meaning.replid, meaning.before, meaning.stream};
  } else if (meaning.kind == Meaning::Kind::full_sync) {
    if (meaning.rdb_is_whole && history_.replid == meaning.replid && history_.base == meaning.before &&
        meaning.stream.size() > history_.bytes.size())
      history_.bytes = meaning.stream;
  } else if (meaning.kind == Meaning::Kind::continues && meaning.before >= history_.base) {
    FUZZ_CHECK(meaning.before <= history_.end(), "asked for more than it could have");
    history_.bytes.resize(static_cast<std::size_t>(meaning.before - history_.base));
    history_.bytes += meaning.stream;
    if (report.replid != history_.replid) FUZZ_CHECK(report.replid == meaning.replid);
    history_.replid = report.replid;
  }
}

void Scene::settle() {
  for (int i = 0; i < 3; ++i) {
    world_.settle();
    listen();
    learn();
  }
  const model::KeeperReport report = world_.keeper().report();
  FUZZ_CHECK(report.replid == history_.replid);
  FUZZ_CHECK(report.replid.empty() || (report.offset >= history_.base && report.offset <= history_.end()),
             "%lld, and %lld..%lld was sent", static_cast<long long>(report.offset),
             static_cast<long long>(history_.base), static_cast<long long>(history_.end()));
  if (report.link == "connected" && main_ && !main_->link->is_closed() && main_->link->is_read())
    FUZZ_CHECK(report.offset == history_.end(), "a byte is missing");
}

std::string Scene::redis_info(fuzz::Input& input) const {
  return bulk("# Replication\r\nmaster_replid:" + kOtherId + "\r\nmaster_replid2:" + history_.replid +
              "\r\nsecond_repl_offset:" + std::to_string(history_.end() - input.below(100)) +
              "\r\nmaster_repl_offset:" + std::to_string(history_.end()) + "\r\n");
}

/// Of a keeper that follows another one, or the one that asks.
std::string Scene::keeper_info(fuzz::Input& input) {
  if (input.below(2) == 0)
    return bulk("keeper_uuid:another\r\nkeeper_upstream:10.0.0." + std::to_string(input.below(3)) +
                ":6379\r\n");
  const auto link = world_.connect("10.9.9.9");
  link->send("KEEPER INFO\r\n", 0);
  world_.settle();
  link->end();
  return link->take();
}

std::string Scene::history_line(fuzz::Input& input) const {
  HistoryAnswer answer;
  answer.history.replid = input.below(2) == 0 ? fuzz::kReplid : kOtherId;
  answer.history.end = history_.replid.empty() ? input.number(1) * 16 : history_.end();
  answer.boundary =
      std::max<std::int64_t>(0, answer.history.end - static_cast<std::int64_t>(input.below(100)));
  if (!history_.replid.empty()) answer.history.old_ids.push_back({history_.replid, answer.boundary});
  answer.has_data = input.below(2) == 1;
  return "+" + to_line(answer) + "\r\n";
}

void Scene::answer(Served& served, fuzz::Input& input) {
  if (served.answered >= served.said.size()) return;
  const Command& command = served.said[served.answered++];
  const std::uint8_t how = input.byte();
  if (command[0] == "PING") return served.send("+PONG\r\n", how);
  if (command[0] == "INFO") return served.send(redis_info(input), how);
  if (command[0] == "KEEPER" && input.below(2) == 0) return served.send("-ERR unknown command\r\n", how);
  if (command[0] == "KEEPER")
    return served.send(command[1] == "INFO" ? keeper_info(input) : history_line(input), how);
  if (command[0] != "PSYNC") return served.send(input.below(5) == 4 ? "-ERR no\r\n" : "+OK\r\n", how);
  const std::string ids[] = {fuzz::kReplid, kOtherId,
                             std::string(40, static_cast<char>('a' + input.below(6)))};
  const std::string& id = ids[input.below(3)];
  switch (input.below(5)) {
    case 0:
      return served.send("+CONTINUE\r\n", how);
    case 1:
      return served.send("+CONTINUE " + id + "\r\n", how);
    case 2:
      return served.send("-NOMASTERLINK not yet\r\n", how);
    default:
      served.send("+FULLRESYNC " + id + " " + std::to_string(input.number(1) * 16) + "\r\n", how);
      served.send(framed(rdb_of(input.below(5)), input.below(2) == 1), how);
  }
}

void Scene::restart() {
  const std::int64_t before = world_.keeper().report().offset;
  links_.clear();
  main_ = nullptr;
  world_.restart();
  const model::KeeperReport report = world_.keeper().report();
  FUZZ_CHECK(report.replid == history_.replid && report.offset <= history_.end());
  if (!history_.replid.empty()) FUZZ_CHECK(report.offset == boundary_of(history_, before), "the log was cut");
}

void Scene::step(fuzz::Input& input) {
  static constexpr Millis kTimes[] = {Millis{10}, Millis{1'100}, Millis{6'000}, Millis{35'000},
                                      Millis{61'000}};
  const std::size_t what = input.below(12);
  switch (what) {
    case 0:
      return world_.pass(kTimes[input.below(std::size(kTimes))]);
    case 1:
      return follow(input.below(2) == 0 ? "10.0.0.1" : "10.0.0.2");
    case 2:
      return world_.set_upstream_reachable(input.below(2) == 0);
    case 3:
      return restart();
    case 4:
      return world_.keeper().accept_empty_upstream();
    default:
      break;
  }
  Served* const served = pick(input);
  if (!served) return;
  switch (what) {
    case 5:
    case 6:
      return answer(*served, input);
    case 7: {
      const std::uint8_t how = input.byte();
      return served->send(input.until('|'), how);
    }
    case 8:
      return served->send(framed(rdb_of(input.below(5)), input.below(2) == 1), input.byte());
    case 9: {
      const std::uint8_t how = input.byte();
      return served->send(fuzz::echo('s', input.byte()), how);
    }
    case 10: {
      const char* const commands[] = {"*1\r\n$5\r\nMULTI\r\n", "*1\r\n$4\r\nEXEC\r\n", "\n",
                                      "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n",
                                      "*1\r\n$4\r\nPING\r\n"};
      return served->send(commands[input.below(std::size(commands))], input.byte());
    }
    default:
      return served->link->end();
  }
}

void Scene::check_stream(const std::string& heard, std::int64_t from, std::int64_t end) const {
  FUZZ_CHECK(static_cast<std::int64_t>(heard.size()) == end - from + 1, "%zu bytes of %lld..%lld",
             heard.size(), static_cast<long long>(from), static_cast<long long>(end));
  FUZZ_CHECK(heard == history_.bytes.substr(static_cast<std::size_t>(from - history_.base - 1), heard.size()),
             "other bytes than were sent");
}

/// Of one that still arrives at the keeper itself.
void Scene::check_rdb_in_transit(std::int64_t offset, std::string_view heard) const {
  FUZZ_CHECK(std::ranges::any_of(links_,
                                 [&](const auto& served) {
                                   const Meaning meaning = meaning_of(*served);
                                   return meaning.kind == Meaning::Kind::full_sync &&
                                          meaning.before == offset && meaning.rdb.starts_with(heard) &&
                                          heard.size() < meaning.rdb.size();
                                 }),
             "an RDB that nobody sends");
}

void Scene::read_everything() {
  const model::KeeperReport report = world_.keeper().report();
  if (report.replid.empty()) return;
  const auto partial = world_.connect("10.2.0.1");
  partial->send("PSYNC " + report.replid + " " + std::to_string(report.log_first) + "\r\n", 0);
  const auto full = world_.connect("10.2.0.2");
  full->send("PSYNC ? -1\r\n", 0);
  world_.settle();
  // What has arrived may be sent before it is written.
  const model::KeeperReport now = world_.keeper().report();
  std::string heard = partial->take();
  const std::string greeting = "+CONTINUE " + report.replid + "\r\n";
  FUZZ_CHECK(heard.starts_with(greeting), "%.80s", heard.c_str());
  check_stream(heard.substr(greeting.size()), report.log_first, now.offset);

  heard = full->take();
  const std::string full_greeting = "+FULLRESYNC " + report.replid + " ";
  if (!heard.starts_with(full_greeting)) return;
  std::int64_t offset = -1;
  std::size_t size = 0;
  const char* const end = heard.data() + heard.size();
  const char* at = std::from_chars(heard.data() + full_greeting.size(), end, offset).ptr;
  FUZZ_CHECK(std::string_view(at, end).starts_with("\r\n$"));
  at = std::from_chars(at + 3, end, size).ptr;
  const std::string_view rest(at + 2, end);
  if (rest.size() < size) return check_rdb_in_transit(offset, rest);
  const auto [first, last] = rdbs_.equal_range(offset);
  FUZZ_CHECK(std::any_of(first, last, [&](const auto& rdb) { return rdb.second == rest.substr(0, size); }),
             "an RDB that nobody sent");
  check_stream(std::string(rest.substr(size)), offset + 1, now.offset);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Scene scene({});
  for (int steps = 0; steps < 100 && !input.empty(); ++steps) {
    scene.step(input);
    scene.settle();
  }
  scene.read_everything();
  return 0;
}

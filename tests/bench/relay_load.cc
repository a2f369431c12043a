// relay_load: a synthetic master and synthetic replicas, to have a replication relay between them.
//
// An instrument that tests/bench/run plays: it takes commands from its standard input, one a line, and
// answers each with a line of JSON. The first line it says by itself: {"port": the master's}.
//
//   join PORT COUNT    COUNT replicas ask at PORT           → {"replicas": [ids]}
//   await-live SECONDS until all that have joined are live  → status
//   stream BYTES       at full blast, until all have it     → {"bytes", "seconds"}
//   pace BYTES         of stream per second, from now on; 0 stops
//   leave ID           cuts a replica off; it stays away
//   back ID            it asks to be continued              → {}
//   latency ID…        since the last call                  → {"n", "p50_us", "p99_us", "max_us"}
//   status             → {"now", "head", "master": {…}, "replicas": [{…}]}
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "bench/load/master.h"
#include "bench/load/rdb_image.h"
#include "bench/load/replicas.h"

namespace penstock::bench {
namespace {

using nlohmann::json;

struct Options {
  TapeOptions tape;
  std::size_t rdb_bytes = 0;
  std::int64_t window_bytes = 8 << 20;
  std::uint16_t port = 0;
};

constexpr std::chrono::milliseconds kLook{1};
constexpr std::chrono::seconds kStuck{60};  // without a byte of progress

std::string random_replid() {
  std::random_device random;
  std::string id;
  while (id.size() < 40) id += "0123456789abcdef"[random() % 16];
  return id;
}

json to_json(const MasterCounts& counts) {
  return {{"links", counts.links},
          {"streaming", counts.streaming},
          {"full_syncs", counts.full_syncs},
          {"continues", counts.continues},
          {"rdb_bytes", counts.rdb_bytes},
          {"stream_bytes", counts.stream_bytes},
          {"acknowledged", counts.acknowledged}};
}

json to_json(const ReplicaFacts& facts) {
  return {{"id", facts.id},
          {"phase", facts.phase},
          {"offset", facts.offset},
          {"full_syncs", facts.full_syncs},
          {"continues", facts.continues},
          {"refusals", facts.refusals},
          {"lost_links", facts.lost_links},
          {"rdb_bytes", facts.rdb_bytes},
          {"wrong_at", facts.wrong_at},
          {"behind", facts.behind},
          {"began", facts.began},
          {"answered", facts.answered},
          {"first_byte", facts.first_byte},
          {"live", facts.live}};
}

class Instrument {
 public:
  explicit Instrument(const Options& options)
      : tape_(options.tape),
        rdb_(make_rdb(options.rdb_bytes)),
        world_{.tape = tape_, .rdb = rdb_, .replid = random_replid()},
        master_(world_, options.window_bytes, options.port),
        replicas_(world_, [this] { master_.window_opened(); }) {}

  std::uint16_t port() const { return master_.port(); }

  json obey(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    const auto found = kCommands.find(command);
    if (found == kCommands.end()) return {{"error", "no such command: " + line}};
    return std::invoke(found->second, *this, words);
  }

 private:
  using Words = std::istringstream;
  static const std::map<std::string, json (Instrument::*)(Words&)> kCommands;

  json join(Words& words) {
    std::uint16_t port = 0;
    int count = 0;
    words >> port >> count;
    return {{"replicas", replicas_.join(port, count)}};
  }

  json await_live(Words& words) {
    double limit = 0;
    words >> limit;
    const auto deadline = Clock::now() + std::chrono::duration<double>(limit);
    for (; Clock::now() < deadline; std::this_thread::sleep_for(kLook)) {
      const auto all = replicas_.facts();
      if (std::ranges::all_of(all, [](const auto& one) { return one.live > 0 || one.phase == "away"; }))
        return status(words);
    }
    return {{"error", "not all replicas are live"}, {"status", status(words)}};
  }

  json stream(Words& words) {
    std::int64_t bytes = 0;
    words >> bytes;
    const std::int64_t from = world_.head;
    const std::int64_t target = from + tape_.whole_commands(bytes);
    const auto began = Clock::now();
    auto moved_at = began;
    std::int64_t reached = from;
    master_.extend_to(target);
    for (; world_.head < target || world_.slowest < target; std::this_thread::sleep_for(kLook)) {
      const std::int64_t now = std::min<std::int64_t>(world_.head, world_.slowest);
      if (now != std::exchange(reached, now)) moved_at = Clock::now();
      if (Clock::now() - moved_at > kStuck)
        return {{"error", "the stream is stuck"}, {"status", status(words)}};
    }
    return {{"bytes", target - from}, {"seconds", seconds(Clock::now()) - seconds(began)}};
  }

  json pace(Words& words) {
    double rate = 0;
    words >> rate;
    master_.keep_pace(rate);
    return json::object();
  }

  json leave(Words& words) {
    int id = 0;
    words >> id;
    replicas_.leave(id);
    return json::object();
  }

  json back(Words& words) {
    int id = 0;
    words >> id;
    replicas_.come_back(id);
    return json::object();
  }

  json latency(Words& words) {
    std::vector<int> ids;
    for (int id = 0; words >> id;) ids.push_back(id);
    auto all = replicas_.take_latencies(ids);
    if (all.empty()) return {{"n", 0}};
    std::ranges::sort(all);
    const auto at = [&all](double share) {
      return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
    };
    return {{"n", all.size()}, {"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"max_us", all.back()}};
  }

  json status(Words&) {
    json all = json::array();
    for (const auto& facts : replicas_.facts()) all.push_back(to_json(facts));
    return {{"now", seconds(Clock::now())},
            {"head", world_.head.load()},
            {"rdb_bytes", rdb_.size()},
            {"command_bytes", tape_.command_bytes()},
            {"master", to_json(master_.counts())},
            {"replicas", std::move(all)}};
  }

  Tape tape_;
  std::vector<char> rdb_;
  World world_;
  Master master_;
  Replicas replicas_;
};

const std::map<std::string, json (Instrument::*)(Instrument::Words&)> Instrument::kCommands{
    {"join", &Instrument::join},       {"await-live", &Instrument::await_live},
    {"stream", &Instrument::stream},   {"pace", &Instrument::pace},
    {"leave", &Instrument::leave},     {"back", &Instrument::back},
    {"latency", &Instrument::latency}, {"status", &Instrument::status}};

int run(const Options& options) {
  Instrument instrument(options);
  std::cout << json{{"port", instrument.port()}} << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << instrument.obey(line) << std::endl;
  return 0;
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  using penstock::bench::Content;
  penstock::bench::Options options;
  bool text = false;
  CLI::App app{"relay_load: a synthetic master and synthetic replicas; commands on standard input"};
  app.add_option("--value", options.tape.value_bytes, "bytes of each value that is set");
  app.add_option("--tape", options.tape.tape_bytes, "bytes of commands before they come again");
  app.add_flag("--text", text, "values that compress as documents do");
  app.add_option("--rdb", options.rdb_bytes, "bytes of the RDB; 0: without a key");
  app.add_option("--window", options.window_bytes,
                 "bytes that the slowest replica may be behind at full blast");
  app.add_option("--port", options.port, "where the master listens");
  CLI11_PARSE(app, argc, argv);
  options.tape.content = text ? Content::text : Content::random;
  return penstock::bench::run(options);
}

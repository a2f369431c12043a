#include "common/daemon/daemon.h"

#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/async/offload.h"

namespace penstock::daemon {
namespace {

constexpr int kFailed = 1, kWrongUse = 2;

int say(const std::string& name, int code, const std::string& text) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), text.c_str());
  return code;
}

std::string one_of(config::Reader& reader, const std::string& key, const std::string& fallback,
                   const std::vector<std::string>& words) {
  const std::string word = reader.string(key, fallback);
  if (std::ranges::find(words, word) != words.end()) return word;
  std::string all;
  for (const std::string& each : words) all += (all.empty() ? "" : ", ") + each;
  reader.problem(key, "must be one of " + all);
  return fallback;
}

/// [log] level, format, file.
log::Options read_log_options(config::Reader& reader) {
  log::Options options;
  options.level = one_of(reader, "log.level", options.level, {"debug", "info", "warn", "error"});
  options.format = one_of(reader, "log.format", options.format, {"text", "json"});
  options.file = reader.string("log.file", options.file);
  return options;
}

/// Start, wait for a signal, stop. Owned by run_until_signalled, which runs the loop until this ends.
Task<void> live(Daemon* daemon, std::string name, int* exit_code) {
  constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);
  boost::asio::signal_set signals(co_await boost::asio::this_coro::executor, SIGTERM, SIGINT);
  auto started = co_await daemon->start();
  if (started) {
    log::write(log::Level::info, name, "started", {{"version", PENSTOCK_VERSION}});
    sd_notify(0, "READY=1");
    auto [error, signal] = co_await signals.async_wait(kAsTuple);
    sd_notify(0, "STOPPING=1");
    log::write(log::Level::info, name, "stopping", {{"signal", error ? 0 : signal}});
  } else {
    *exit_code = say(name, kFailed, started.error().message);
  }
  signals.clear();
  // From here on a second signal ends the process the hard way.
  std::signal(SIGTERM, [](int) { std::_Exit(kFailed); });
  std::signal(SIGINT, [](int) { std::_Exit(kFailed); });
  co_await daemon->stop();
}

}  // namespace

std::string route_lines(const http::Router& router) {
  std::vector<std::string> lines;
  for (const http::Route& route : router.routes())
    lines.push_back(std::string(http::to_string(route.method)) + " " + route.pattern);
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

int run_until_signalled(const std::string& name, const log::Options& log,
                        const std::function<std::unique_ptr<Daemon>(Executor)>& build) {
  std::string problem;
  if (!log::start(log, problem)) return say(name, kWrongUse, problem);
  std::signal(SIGPIPE, SIG_IGN);
  boost::asio::io_context loop(1);
  auto daemon = build(loop.get_executor());
  int exit_code = 0;
  std::exception_ptr bug;
  bool ended = false;
  boost::asio::co_spawn(loop, live(daemon.get(), name, &exit_code), [&](std::exception_ptr e) {
    bug = e;
    ended = true;
    loop.stop();
  });
  while (!ended) loop.run_one();
  wait_for_offloads();
  if (bug) std::rethrow_exception(bug);
  return exit_code;
}

int run_daemon(int argc, char** argv, const Spec& spec) {
  CLI::App app{spec.name};
  app.footer(spec.footer);
  std::string file;
  bool check = false, version = false, routes = false;
  app.add_option("--config", file, "configuration file (TOML)");
  app.add_flag("--check-config", check, "read the configuration, report every problem, exit");
  app.add_flag("--version", version, "print the version and exit");
  app.add_flag("--print-routes", routes, "print the REST routes and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return say(spec.name, kWrongUse, error.what());
  }
  if (version) {
    std::printf("%s %s\n", spec.name.c_str(), PENSTOCK_VERSION);
    return 0;
  }
  if (routes) {
    boost::asio::io_context loop(1);
    std::fputs(route_lines(spec.build(loop.get_executor())->router()).c_str(), stdout);
    return 0;
  }
  if (file.empty()) return say(spec.name, kWrongUse, "--config FILE is needed");
  auto reader = config::Reader::open(file);
  if (!reader) return say(spec.name, kWrongUse, reader.error().message);
  const log::Options log = read_log_options(reader.value());
  spec.read_config(reader.value());
  if (auto read = reader.value().finish(); !read) return say(spec.name, kWrongUse, read.error().message);
  if (check) {
    std::printf("%s: %s is fine\n", spec.name.c_str(), file.c_str());
    return 0;
  }
  return run_until_signalled(spec.name, log, spec.build);
}

}  // namespace penstock::daemon

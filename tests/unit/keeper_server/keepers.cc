#include "keepers.h"

#include <boost/asio/co_spawn.hpp>
#include <stdexcept>

#include "common/async/offload.h"

namespace penstock::keeper {

std::string AnyKeeper::state(const std::string& field) const {
  const resp::Value reply = call({"KEEPER", "GETSTATE"});
  const auto* words = reply.array();
  if (!words) return "";
  for (std::size_t i = 0; i + 1 < words->size(); i += 2)
    if (words->at(i).string() && *words->at(i).string() == field)
      return words->at(i + 1).string() ? *words->at(i + 1).string() : "";
  throw std::runtime_error("GETSTATE has no field " + field);
}

std::int64_t AnyKeeper::number(const std::string& field) const {
  const std::string text = state(field);
  return text.empty() ? -1 : std::stoll(text);
}

std::string AnyKeeper::order(const std::string& state, std::uint16_t upstream, std::uint64_t epoch,
                             resp::Command more) const {
  resp::Command command{
      "KEEPER", "SETSTATE",           state, upstream ? "127.0.0.1" : "-", std::to_string(upstream),
      "EPOCH",  std::to_string(epoch)};
  command.insert(command.end(), more.begin(), more.end());
  return say(command);
}

KeeperProcess::KeeperProcess(std::uint16_t upstream, std::vector<std::string> more,
                             std::vector<std::string> launcher)
    : upstream_(upstream), more_(std::move(more)), launcher_(std::move(launcher)) {
  port_ = test::free_port();
  start();
}

void KeeperProcess::start() {
  std::vector<std::string> command{KEEPER_BINARY, "--standalone",
                                   "--listen",    "127.0.0.1:" + std::to_string(port_),
                                   "--data",      (directory_.path() / "data").string()};
  if (upstream_) command.insert(command.end(), {"--upstream", "127.0.0.1:" + std::to_string(upstream_)});
  command.insert(command.end(), more_.begin(), more_.end());
  command.insert(command.begin(), launcher_.begin(), launcher_.end());
  process_ = std::make_unique<test::ChildProcess>(command, (directory_.path() / "keeper.log").string());
  const bool serves = test::wait_until([this] { return process_->has_ended() || say({"PING"}) == "+PONG"; });
  if (!serves || process_->has_ended()) throw std::runtime_error("the keeper does not start:\n" + log());
}

LocalKeeper::LocalKeeper(StoreOptions store, std::function<void(KeeperOptions&)> adjust)
    : store_(store), adjust_(std::move(adjust)) {
  port_ = test::free_port();
  start();
}

LocalKeeper::~LocalKeeper() {
  stop();
}

void LocalKeeper::start() {
  auto store = Store::open(directory_.path() / "keeper", "c1", "s1", store_);
  if (!store) throw std::runtime_error(store.error().message);
  KeeperOptions options;
  options.cluster = "c1";
  options.shard = "s1";
  options.listen = {"127.0.0.1", port_};
  options.store = store_;
  if (adjust_) adjust_(options);
  loop_ = std::make_unique<boost::asio::io_context>(1);
  keeper_ = std::make_unique<Keeper>(loop_->get_executor(), std::move(options), std::move(store).value());
  if (auto started = keeper_->start(); !started) throw std::runtime_error(started.error().message);
  thread_ = std::thread([this] { loop_->run(); });
}

void LocalKeeper::stop() {
  if (!keeper_) return;
  boost::asio::co_spawn(*loop_, keeper_->stop(), [this](std::exception_ptr) { loop_->stop(); });
  thread_.join();
  keeper_.reset();
  wait_for_offloads();
  loop_.reset();
}

}  // namespace penstock::keeper

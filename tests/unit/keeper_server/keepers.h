// Keepers for tests: the real program with --standalone, and a Keeper object of a shard on a loop of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <thread>

#include "keeper/keeper.h"
#include "redis.h"
#include "support/child_process.h"
#include "support/resp_connection.h"
#include "support/temp_dir.h"
#include "support/wait_until.h"

namespace penstock::keeper {

/// What both kinds answer on their port.
class AnyKeeper {
 public:
  std::uint16_t port() const { return port_; }
  resp::Value call(const resp::Command& command) const { return test::call(port_, command); }
  std::string say(const resp::Command& command) const { return test::text_of(call(command)); }
  /// A field of KEEPER GETSTATE; empty when nobody answers.
  std::string state(const std::string& field) const;
  std::int64_t number(const std::string& field) const;  ///< -1 when nobody answers
  std::int64_t offset() const { return number("offset"); }
  std::string info(const std::string& field) const { return test::info(port_, field); }
  bool is_connected() const { return state("link") == "connected"; }
  /// KEEPER SETSTATE; upstream 0: nobody.
  std::string order(const std::string& state, std::uint16_t upstream, std::uint64_t epoch,
                    resp::Command more = {}) const;

 protected:
  std::uint16_t port_ = 0;
};

/// `penstock-keeper --standalone`.
class KeeperProcess : public AnyKeeper {
 public:
  /// `launcher`: a program that is to run it, with its arguments.
  explicit KeeperProcess(std::uint16_t upstream, std::vector<std::string> more = {},
                         std::vector<std::string> launcher = {});

  void start();
  void kill() { process_->kill(); }
  test::ChildProcess& process() { return *process_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  std::string log() const { return process_->output(); }

 private:
  test::TempDir directory_;
  std::uint16_t upstream_;
  std::vector<std::string> more_, launcher_;
  std::unique_ptr<test::ChildProcess> process_;
};

/// The keeper of shard c1/s1, as a host runs it. Everything goes through its port; the object stays on its
/// own thread.
class LocalKeeper : public AnyKeeper {
 public:
  /// `adjust`: of the options that it runs with.
  explicit LocalKeeper(StoreOptions store = {}, std::function<void(KeeperOptions&)> adjust = {});
  ~LocalKeeper();

  void stop();   ///< orderly
  void start();  ///< with the same directory and port
  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  test::TempDir directory_;
  StoreOptions store_;
  std::function<void(KeeperOptions&)> adjust_;
  std::unique_ptr<boost::asio::io_context> loop_;
  std::unique_ptr<Keeper> keeper_;
  std::thread thread_;
};

}  // namespace penstock::keeper

// The smallest daemon there can be, for the tests of what all daemons share.
#include "common/async/sleep.h"
#include "common/daemon/daemon.h"
#include "common/daemon/standard_routes.h"

namespace {

using namespace penstock;

struct Options {
  Address listen;
  bool ready = true;
  bool never_stops = false;
};

class Sample : public daemon::Daemon {
 public:
  Sample(Executor executor, Options options)
      : options_(std::move(options)), server_(std::move(executor), router_) {
    daemon::add_standard_routes(router_, [this] { return reasons(); }, registry_);
  }
  Task<Result<>> start() override { co_return server_.listen(options_.listen.host, options_.listen.port); }
  Task<void> stop() override {
    co_await server_.stop();
    if (options_.never_stops) [[maybe_unused]]
      auto slept = co_await sleep_for(std::chrono::hours(1));
  }
  const http::Router& router() const override { return router_; }

 private:
  std::vector<std::string> reasons() const {
    return options_.ready ? std::vector<std::string>{} : std::vector<std::string>{"told so"};
  }

  Options options_;
  metrics::Registry registry_;
  http::Router router_;
  http::Server server_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  daemon::Spec spec;
  spec.name = "sample";
  spec.read_config = [&options](config::Reader& reader) {
    options.listen = reader.address("listen");
    options.ready = reader.boolean("ready", true);
    options.never_stops = reader.boolean("never_stops", false);
  };
  spec.build = [&options](Executor executor) {
    return std::make_unique<Sample>(std::move(executor), options);
  };
  return daemon::run_daemon(argc, argv, spec);
}

// penstock-console: see conf/console.toml.
#include "common/daemon/daemon.h"
#include "console/server.h"

int main(int argc, char** argv) {
  penstock::console::Options options;
  penstock::daemon::Spec spec;
  spec.name = "penstock-console";
  spec.read_config = [&options](penstock::config::Reader& reader) {
    options = penstock::console::read_options(reader);
  };
  spec.build = [&options](penstock::Executor executor) {
    return std::make_unique<penstock::console::Server>(std::move(executor), options);
  };
  return penstock::daemon::run_daemon(argc, argv, spec);
}

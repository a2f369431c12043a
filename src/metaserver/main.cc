// penstock-metaserver: one data center's controller.
#include "common/daemon/daemon.h"
#include "metaserver/server.h"

int main(int argc, char** argv) {
  penstock::metaserver::Options options;
  penstock::daemon::Spec spec;
  spec.name = "penstock-metaserver";
  spec.read_config = [&](penstock::config::Reader& reader) {
    options = penstock::metaserver::read_options(reader);
  };
  spec.build = [&](penstock::Executor executor) {
    return penstock::metaserver::make_server(executor, options);
  };
  return penstock::daemon::run_daemon(argc, argv, spec);
}

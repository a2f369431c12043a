// penstock-keeper: a keeper host (--config FILE), or one keeper alone (--standalone).
#include <cstdio>
#include <memory>

#include "common/daemon/daemon.h"
#include "keeper/host.h"
#include "keeper/options.h"
#include "keeper/standalone_flags.h"

namespace {

namespace daemon = penstock::daemon;
namespace keeper = penstock::keeper;

constexpr const char* kName = "penstock-keeper";
constexpr int kWrongUse = 2;

int wrong_use(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", kName, what.c_str());
  return kWrongUse;
}

int run_standalone(int argc, char** argv) {
  CLI::App app{"penstock-keeper --standalone: a disk-backed replication relay"};
  keeper::StandaloneFlags flags;
  flags.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return wrong_use(error.what());
  }
  auto options = flags.read();
  if (!options) return wrong_use(options.error().message);
  penstock::log::Options log;
  log.level = flags.log_level;
  return daemon::run_until_signalled(kName, log, [&](penstock::Executor executor) {
    return std::make_unique<keeper::Standalone>(std::move(executor), options.value());
  });
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--standalone") return run_standalone(argc, argv);
  keeper::HostOptions options;
  daemon::Spec spec;
  spec.name = kName;
  spec.footer = "One keeper alone, without ZooKeeper: penstock-keeper --standalone --help";
  spec.read_config = [&options](penstock::config::Reader& reader) { options = keeper::read_options(reader); };
  spec.build = [&options](penstock::Executor executor) {
    return std::make_unique<keeper::Host>(std::move(executor), options);
  };
  return daemon::run_daemon(argc, argv, spec);
}

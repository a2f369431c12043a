// penstock-sentinel-hook: Sentinel's client-reconfig-script. Tells a metaserver that a fail-over has
// happened.
//
// Sentinel calls it with seven arguments:
//   <master-name> <role> <state> <from-ip> <from-port> <to-ip> <to-port>
// where the master name is "<cluster>/<shard>". It is a native binary because a hardened Sentinel unit starts
// no shell. Exit codes are Sentinel's: 0 done, 1 try again later, 2 and above never try again.
#include <cstdio>
#include <filesystem>

#include "common/config/config.h"
#include "hook/notify.h"

namespace {

using penstock::Result;
namespace hook = penstock::hook;

/// $PENSTOCK_HOOK_CONFIG, else "<this binary's path>.toml", else /etc/penstock/sentinel-hook.toml.
std::string config_path(const char* argv0) {
  if (const char* chosen = std::getenv("PENSTOCK_HOOK_CONFIG"); chosen && *chosen) return chosen;
  const std::string beside = std::string(argv0) + ".toml";
  if (std::filesystem::exists(beside)) return beside;
  return "/etc/penstock/sentinel-hook.toml";
}

Result<hook::Options> load(const std::string& file) {
  PS_TRY(auto reader, penstock::config::Reader::open(file));
  hook::Options options;
  for (const std::string& text : reader.strings("metaservers")) {
    if (auto address = penstock::parse_address(text)) {
      options.metaservers.push_back(address.value());
    } else {
      reader.problem("metaservers", address.error().message);
    }
  }
  if (options.metaservers.empty()) reader.problem("metaservers", "names no metaserver");
  options.timeout = reader.duration("timeout", options.timeout);
  PS_TRY(reader.finish());
  return options;
}

int say(int code, const std::string& text) {
  std::fprintf(stderr, "penstock-sentinel-hook: %s\n", text.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("penstock-sentinel-hook " PENSTOCK_VERSION);
    return 0;
  }
  auto change = hook::parse_arguments({argv + 1, argv + argc});
  if (!change) return say(hook::kNever, change.error().message);
  const std::string file = config_path(argv[0]);
  auto options = load(file);
  if (!options) return say(hook::kNever, file + ": " + options.error().message);
  const hook::Outcome outcome = hook::notify(change.value(), options.value());
  return outcome.exit_code == hook::kDone ? 0 : say(outcome.exit_code, outcome.detail);
}

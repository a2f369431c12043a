// The keeper host's configuration (conf/keeper.toml).
#pragma once

#include <filesystem>
#include <string>

#include "common/async/task.h"
#include "common/base/address.h"
#include "common/config/config.h"
#include "common/serve/doorkeeper.h"
#include "common/serve/patience.h"
#include "keeper/core/disk_shares.h"
#include "keeper/links.h"
#include "keeper/store/store.h"

namespace penstock::keeper {

struct HostOptions {
  std::string dc, id;
  std::filesystem::path data_dir;
  std::string zookeeper_servers, zookeeper_chroot;
  Millis zookeeper_session_timeout{6'000};
  std::string admin_host;
  std::uint16_t admin_port = 0;
  std::string advertise_host;  ///< where others reach this host's admin port; default: admin_host
  std::string
      announce_host;  ///< what keepers tell upstream as their address; empty: the address they connect from
  std::string announce_version;   ///< REPLCONF version to upstreams; empty: nothing is said
  Millis repl_timeout{60'000};    ///< for a peer without a byte
  std::string user, password;     ///< for upstreams
  std::string required_password;  ///< of everybody who connects to a keeper
  StoreOptions store;
  std::uint64_t disk_bytes_max = kNoDiskCap;  ///< logs and RDBs of all keepers together
  serve::ConnectionCaps caps;
  serve::Patience patience;
  LinkOptions links;
};

/// Problems stay in the reader until its finish().
HostOptions read_options(config::Reader& reader);

}  // namespace penstock::keeper

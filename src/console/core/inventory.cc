#include "console/core/inventory.h"

#include <algorithm>

namespace penstock::console {
namespace {

template <class T>
const T* by_name(const std::vector<T>& things, const std::string& name) {
  const auto found = std::ranges::find(things, name, &T::name);
  return found == things.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> Cluster::dcs() const {
  std::vector<std::string> all{active_dc};
  all.insert(all.end(), backup_dcs.begin(), backup_dcs.end());
  return all;
}

bool Cluster::has_dc(const std::string& dc) const {
  return std::ranges::count(dcs(), dc) > 0;
}

const Dc* Inventory::dc(const std::string& name) const {
  return by_name(dcs, name);
}
const Cluster* Inventory::cluster(const std::string& name) const {
  return by_name(clusters, name);
}
const Shard* Inventory::shard(const std::string& cluster_name, const std::string& shard_name) const {
  const Cluster* found = cluster(cluster_name);
  return found ? by_name(found->shards, shard_name) : nullptr;
}

}  // namespace penstock::console

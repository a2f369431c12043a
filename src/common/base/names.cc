#include "common/base/names.h"

#include <algorithm>
#include <array>
#include <string>

namespace penstock {
namespace {

constexpr std::array<std::string_view, 8> kReservedClusters = {"api",   "v1",     "shard",  "metaserver",
                                                               "livez", "readyz", "leader", "metrics"};
constexpr std::array<std::string_view, 3> kReservedShards = {"backup", "active", "upstreamchanged"};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

template <std::size_t N>
Result<> refuse_reserved(std::string_view field, std::string_view name,
                         const std::array<std::string_view, N>& reserved) {
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    return fail(Errc::invalid_argument,
                std::string(field) + ": '" + std::string(name) + "' is a reserved name");
  return success();
}

}  // namespace

Result<> check_name(std::string_view field, std::string_view name) {
  const bool well_formed = !name.empty() && name.size() <= 64 && name != "." && name != ".." &&
                           std::all_of(name.begin(), name.end(), is_name_character);
  if (well_formed) return success();
  return fail(Errc::invalid_argument, std::string(field) + ": must match [A-Za-z0-9._-]{1,64}");
}

Result<> check_cluster_name(std::string_view name) {
  PS_TRY(check_name("cluster", name));
  if (name == "openapi.json")
    return fail(Errc::invalid_argument, "cluster: 'openapi.json' is a reserved name");
  return refuse_reserved("cluster", name, kReservedClusters);
}

Result<> check_shard_name(std::string_view name) {
  PS_TRY(check_name("shard", name));
  return refuse_reserved("shard", name, kReservedShards);
}

int slot_of(std::string_view cluster) {
  return static_cast<int>(crc32(cluster) % kSlotCount);
}

}  // namespace penstock

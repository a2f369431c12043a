// The metadata file as JSON (proto/keeper_store.md).
#pragma once

#include <string>
#include <string_view>

#include "keeper/store/store.h"

namespace penstock::keeper {

std::string to_json(const StoreMeta& meta, std::uint64_t generation);
/// corrupt, naming the field.
Result<StoreMeta> parse_meta(std::string_view json, std::uint64_t& generation);

}  // namespace penstock::keeper

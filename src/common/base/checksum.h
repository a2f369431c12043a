// CRC-32C, by the processor where it can.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock {

/// Continues `crc` (0 to begin) over `bytes`: 0xe3069283 for "123456789".
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

/// The same without special instructions, for processors that have none and to check the other against.
std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace penstock

// Whether an RDB has arrived whole. Pure and incremental.
//
// A master that dies in mid-transfer, a length that lies, a peer that is no Redis: what came must not replace
// what a keeper has. Redis ends every RDB (version 5 and later) with 0xff and a CRC64 of all before, or eight
// zero bytes where its checksum is switched off. What stands between is not decoded: keepers carry RDBs of
// versions they do not know.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace penstock::keeper {

class RdbCheck {
 public:
  void feed(std::string_view bytes);

  /// All of it was fed. corrupt: no RDB, cut short, or its checksum does not fit; the message says which.
  Result<> finish() const;

  std::uint64_t bytes() const { return bytes_; }
  /// No key and no function: nothing but auxiliary fields between its magic and its end.
  bool holds_nothing() const { return content() == Content::nothing; }
  /// A key or a function has been seen.
  bool holds_something() const { return content() == Content::something; }

 private:
  enum class Content { unknown, nothing, something };
  static constexpr std::size_t kChecksumBytes = 8;

  Content content() const;
  void hash(std::string_view bytes);

  std::string begin_;       ///< "REDIS0011" and what follows, as far as it is of interest
  std::string tail_;        ///< the last 8 bytes so far: they may be the checksum and are not hashed yet
  std::uint64_t crc_ = 0;   ///< of everything before the tail
  unsigned char last_ = 0;  ///< the byte before the tail
  std::uint64_t bytes_ = 0;
};

/// CRC-64 as Redis computes it (Jones polynomial, reflected, nothing inverted): 0xe9c6d914c4b8d9ca for
/// "123456789".
std::uint64_t crc64(std::uint64_t crc, std::string_view bytes);

}  // namespace penstock::keeper

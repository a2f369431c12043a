// The form of compressed bytes on a link. Pure: no socket in sight.
//
// A link is a sequence of frames, each of at most 64 KiB of plain bytes that can be read as soon as the
// frame is whole: u32 compressed length, u32 plain length, u32 CRC-32C of the plain bytes (little-endian),
// and then what zstd makes of them. All frames of a direction share one zstd context, so small frames profit
// from what went before. No byte leaves the decoder before its frame was checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace penstock::net {

inline constexpr int kZstdLevelMin = 1, kZstdLevelMax = 19;
inline constexpr std::size_t kFramePlainMax = 64 << 10;

class FrameEncoder {
 public:
  explicit FrameEncoder(int level);

  void add(std::string_view plain);
  /// Whatever was added can be read by the peer once it has out().
  void seal();
  /// The frames that are whole; the caller takes them out.
  std::string& out() { return out_; }

 private:
  void compress(std::string_view plain, bool flush);

  std::shared_ptr<ZSTD_CCtx_s> context_;
  std::string frame_, out_;
  std::size_t plain_ = 0;  ///< bytes in frame_
  std::uint32_t checksum_ = 0;
};

class FrameDecoder {
 public:
  FrameDecoder();

  /// Where the next bytes go; never empty as long as next() was asked until it had none.
  std::span<char> space();
  /// The first `n` bytes of space() have arrived.
  void commit(std::size_t n) { end_ += n; }
  /// The plain bytes of the next frame, valid until the next call; nullopt: more has to arrive. corrupt: for
  /// good, it is the answer from then on.
  Result<std::optional<std::string_view>> next();

 private:
  Result<std::optional<std::string_view>> take_frame();
  Result<> decompress(std::string_view compressed, std::size_t plain_size);

  std::shared_ptr<ZSTD_DCtx_s> context_;
  std::vector<char> input_;
  std::size_t begin_ = 0, end_ = 0;  ///< of what was not decoded yet
  std::string plain_;
  std::optional<Error> broken_;
};

}  // namespace penstock::net

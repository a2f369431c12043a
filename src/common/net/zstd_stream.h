// Compression around another stream, of one direction or both.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/net/byte_stream.h"
#include "common/net/zstd_frames.h"

namespace penstock::net {

struct ZstdOptions {
  int write_level = 0;         ///< kZstdLevelMin to kZstdLevelMax; 0: what is written goes out as it is
  bool compressed_in = false;  ///< what arrives is compressed
};

class ZstdStream final : public ByteStream {
 public:
  /// `already_read`: of what arrives, when it was read from `inner` before this stream was put around it.
  ZstdStream(std::shared_ptr<ByteStream> inner, ZstdOptions options, std::string already_read = {});

  Task<Result<std::size_t>> read_some(std::span<char> into) override;
  Task<Result<>> write(std::span<const std::string_view> pieces) override;
  void close() override { inner_->close(); }
  Address peer() const override { return inner_->peer(); }
  LinkFacts facts() const override;

 private:
  Task<Result<std::size_t>> receive(std::span<char> into);
  Task<Result<std::size_t>> read_frames(std::span<char> into);
  Task<Result<>> send();

  std::shared_ptr<ByteStream> inner_;
  std::optional<FrameEncoder> encoder_;
  std::optional<FrameDecoder> decoder_;
  std::string already_read_;  ///< before anything else that arrives
  std::string_view plain_;    ///< of the frame that was decoded last
  std::uint64_t plain_in_ = 0, plain_out_ = 0;
};

}  // namespace penstock::net

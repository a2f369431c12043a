#include "common/net/zstd_frames.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/base/checksum.h"

namespace penstock::net {
namespace {

/// Of both sides: what the decoder has to remember, and most of its memory.
constexpr int kWindowLog = 18;
constexpr std::size_t kHeaderBytes = 12;
/// zstd's worst case, and the ends of its blocks.
constexpr std::size_t kCompressedMax = kFramePlainMax + (kFramePlainMax >> 7) + 1024;

struct Header {
  std::uint32_t compressed, plain, checksum;
};

void put_u32(char* at, std::size_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (8 * i) & 0xff);
}
std::uint32_t get_u32(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return value;
}
Header header_at(const char* at) {
  return {get_u32(at), get_u32(at + 4), get_u32(at + 8)};
}

}  // namespace

FrameEncoder::FrameEncoder(int level) : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
  PS_CHECK(context_ != nullptr, "zstd has memory");
  const auto set = [this](ZSTD_cParameter parameter, int value) {
    PS_CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value)),
             "zstd knows parameters");
  };
  set(ZSTD_c_compressionLevel, std::clamp(level, kZstdLevelMin, kZstdLevelMax));
  set(ZSTD_c_windowLog, kWindowLog);
}

void FrameEncoder::add(std::string_view plain) {
  while (!plain.empty()) {
    const std::string_view part = plain.substr(0, kFramePlainMax - plain_);
    compress(part, false);
    checksum_ = crc32c(checksum_, part);
    plain_ += part.size();
    plain.remove_prefix(part.size());
    if (plain_ == kFramePlainMax) seal();
  }
}

void FrameEncoder::seal() {
  if (plain_ == 0) return;
  compress({}, true);
  put_u32(frame_.data(), frame_.size() - kHeaderBytes);
  put_u32(frame_.data() + 4, plain_);
  put_u32(frame_.data() + 8, checksum_);
  out_ += frame_;
  frame_.clear();
  plain_ = 0;
  checksum_ = 0;
}

void FrameEncoder::compress(std::string_view plain, bool flush) {
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  for (;;) {
    const std::size_t used = std::max(frame_.size(), kHeaderBytes);
    frame_.resize(used + std::max<std::size_t>(plain.size() / 2, 4096));
    ZSTD_outBuffer out{frame_.data(), frame_.size(), used};
    const std::size_t left =
        ZSTD_compressStream2(context_.get(), &out, &in, flush ? ZSTD_e_flush : ZSTD_e_continue);
    PS_CHECK(!ZSTD_isError(left), "zstd compresses anything");
    frame_.resize(out.pos);
    if (in.pos == in.size && (!flush || left == 0)) return;
  }
}

FrameDecoder::FrameDecoder() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
  PS_CHECK(context_ != nullptr, "zstd has memory");
  PS_CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog)),
           "zstd knows parameters");
}

std::span<char> FrameDecoder::space() {
  if (input_.empty()) input_.resize(kHeaderBytes + kCompressedMax);
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(input_).subspan(end_);
}

Result<std::optional<std::string_view>> FrameDecoder::next() {
  if (broken_) return fail(*broken_);
  auto frame = take_frame();
  if (!frame) broken_ = frame.error();
  return frame;
}

Result<std::optional<std::string_view>> FrameDecoder::take_frame() {
  const std::size_t at_hand = end_ - begin_;
  if (at_hand < kHeaderBytes) return std::optional<std::string_view>();
  const Header header = header_at(input_.data() + begin_);
  if (header.compressed == 0 || header.compressed > kCompressedMax || header.plain == 0 ||
      header.plain > kFramePlainMax)
    return fail(Errc::corrupt, "a frame of the compressed link has an impossible length");
  if (at_hand < kHeaderBytes + header.compressed) return std::optional<std::string_view>();
  PS_TRY(decompress({input_.data() + begin_ + kHeaderBytes, header.compressed}, header.plain));
  if (crc32c(0, plain_) != header.checksum)
    return fail(Errc::corrupt, "a frame of the compressed link fails its checksum");
  begin_ += kHeaderBytes + header.compressed;
  return std::optional<std::string_view>(plain_);
}

/// Into plain_, exactly `plain_size` bytes from exactly these.
Result<> FrameDecoder::decompress(std::string_view compressed, std::size_t plain_size) {
  plain_.resize(plain_size);
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  ZSTD_outBuffer out{plain_.data(), plain_.size(), 0};
  while (in.pos < in.size || out.pos < out.size) {
    const std::size_t before = in.pos + out.pos;
    const std::size_t hint = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(hint))
      return fail(Errc::corrupt, std::string("the compressed link: ") + ZSTD_getErrorName(hint));
    if (in.pos + out.pos == before)
      return fail(Errc::corrupt, "a frame of the compressed link has another length than it says");
  }
  return success();
}

}  // namespace penstock::net

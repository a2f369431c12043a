// The frames of a compressed link: what goes in comes out, and nothing else ever does.
#include <gmock/gmock.h>
#include <zstd.h>

#include <random>

#include "common/base/checksum.h"
#include "common/net/zstd_frames.h"
#include "links.h"

namespace penstock::net {
namespace {

using testing::HasSubstr;

/// Everything that comes out of `wire` when it arrives in pieces of `at_once`; the error ends it.
struct Decoded {
  std::string plain;
  std::optional<Error> error;
};
Decoded decode(std::string_view wire, std::size_t at_once = 1 << 20) {
  FrameDecoder decoder;
  Decoded decoded;
  for (;;) {
    auto frame = decoder.next();
    if (!frame) {
      decoded.error = frame.error();
      EXPECT_EQ(decoder.next().error(), frame.error());  // for good
      return decoded;
    }
    if (frame.value()) {
      decoded.plain += *frame.value();
      continue;
    }
    if (wire.empty()) return decoded;
    const auto space = decoder.space();
    EXPECT_FALSE(space.empty());
    const std::size_t n = wire.copy(space.data(), std::min(at_once, space.size()));
    decoder.commit(n);
    wire.remove_prefix(n);
  }
}

std::string encode(const std::vector<std::string>& writes, int level = 1) {
  FrameEncoder encoder(level);
  for (const std::string& bytes : writes) {
    encoder.add(bytes);
    encoder.seal();
  }
  return encoder.out();
}

std::string noise(std::size_t count) {
  std::minstd_rand random{99};
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

std::string u32(std::size_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}
/// A frame that says of itself whatever it is told to.
std::string frame(std::string_view compressed, std::size_t plain_size, std::uint32_t checksum) {
  return u32(compressed.size()) + u32(plain_size) + u32(checksum) + std::string(compressed);
}

class EveryLevel : public testing::TestWithParam<int> {};

TEST_P(EveryLevel, GivesBackWhatWasWritten) {
  const std::vector<std::string> writes{"a",          some_bytes(100),     std::string(kFramePlainMax, 'x'),
                                        noise(70000), some_bytes(500'000), noise(200'000),
                                        "z"};
  std::string whole;
  for (const auto& bytes : writes) whole += bytes;
  const std::string wire = encode(writes, GetParam());
  for (const std::size_t at_once : {1ul, 11ul, 4096ul, 1ul << 20}) {
    if (at_once < 4096 && GetParam() != 1) continue;
    const Decoded decoded = decode(wire, at_once);
    EXPECT_FALSE(decoded.error);
    EXPECT_TRUE(decoded.plain == whole) << at_once;
  }
}

INSTANTIATE_TEST_SUITE_P(Zstd, EveryLevel, testing::Values(1, 3, 9, 19));

TEST(ZstdFrames, AreWholeAfterEachSeal) {
  FrameEncoder encoder(1);
  std::string wire;
  for (int i = 0; i < 50; ++i) {
    const std::string bytes = "*5\r\n$4\r\nHSET\r\n$6\r\nkey:" + std::to_string(10 + i) +
                              "\r\n$4\r\nname\r\n$27\r\na value that comes every time\r\n$1\r\n1\r\n";
    encoder.add(bytes);
    EXPECT_EQ(encoder.out(), "");
    encoder.seal();
    wire += std::exchange(encoder.out(), {});
    EXPECT_TRUE(decode(wire).plain.ends_with(bytes));
    if (i == 49) EXPECT_LT(wire.size(), decode(wire).plain.size());  // small writes profit from those before
  }
  encoder.seal();
  EXPECT_EQ(encoder.out(), "");  // nothing was added
}

TEST(ZstdFrames, ABitThatFlipsAnywhereIsNeverData) {
  const std::vector<std::string> writes{some_bytes(300), some_bytes(200, 2), noise(50)};
  const std::string wire = encode(writes);
  const std::string whole = writes[0] + writes[1] + writes[2];
  ASSERT_EQ(decode(wire).plain, whole);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < wire.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = wire;
      broken[at] = static_cast<char>(broken[at] ^ (1 << bit));
      const Decoded decoded = decode(broken);
      // An error, or a frame that is waited for; zstd has bits that mean nothing. But no byte that was not
      // written.
      EXPECT_TRUE(whole.starts_with(decoded.plain)) << at;
      if (!decoded.error) continue;
      EXPECT_EQ(decoded.error->code, Errc::corrupt);
      EXPECT_LT(decoded.plain.size(), whole.size());
      ++refused;
    }
  }
  EXPECT_GT(refused, wire.size() * 6);
}

TEST(ZstdFrames, EndAnywhereWithoutDataThatIsNotThere) {
  const std::string wire = encode({some_bytes(1000), some_bytes(1000, 2)});
  for (std::size_t end = 0; end < wire.size(); ++end) {
    const Decoded decoded = decode(wire.substr(0, end));
    EXPECT_FALSE(decoded.error);
    EXPECT_EQ(decoded.plain.size() % 1000, 0u);
  }
}

TEST(ZstdFrames, WhatAFrameSaysOfItselfIsBounded) {
  for (const auto& header : {u32(0) + u32(1), u32(1) + u32(0), u32(1) + u32(kFramePlainMax + 1),
                             u32(1) + u32(0xffffffff), u32(0xffffffff) + u32(1), u32(200'000) + u32(1)}) {
    const Decoded decoded = decode(header + u32(0));
    ASSERT_TRUE(decoded.error);
    EXPECT_THAT(decoded.error->message, HasSubstr("impossible length"));
  }
}

TEST(ZstdFrames, MoreThanAFramePromisesIsNoData) {
  std::string bomb(10 << 20, '\0');
  std::string compressed(ZSTD_compressBound(bomb.size()), '\0');
  compressed.resize(ZSTD_compress(compressed.data(), compressed.size(), bomb.data(), bomb.size(), 1));
  ASSERT_LT(compressed.size(), 10'000u);
  const std::string start = bomb.substr(0, 1000);
  const Decoded decoded = decode(frame(compressed, start.size(), crc32c(0, start)));
  ASSERT_TRUE(decoded.error);
  EXPECT_EQ(decoded.plain, "");
}

TEST(ZstdFrames, AWindowBeyondTheLimitIsRefused) {
  const std::string plain = noise(1000);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
  std::string compressed(4096, '\0');
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  ZSTD_outBuffer out{compressed.data(), compressed.size(), 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush), 0u);
  ZSTD_freeCCtx(context);
  compressed.resize(out.pos);
  const Decoded decoded = decode(frame(compressed, plain.size(), crc32c(0, plain)));
  ASSERT_TRUE(decoded.error);
  EXPECT_THAT(decoded.error->message, HasSubstr("memory"));
}

TEST(ZstdFrames, SurviveNoise) {
  std::minstd_rand random{7};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = noise(random() % 500);
    if (round % 2 == 0) bytes = u32(random() % 300) + u32(random() % 300) + bytes;
    EXPECT_EQ(decode(bytes, 1 + random() % 100).plain, "");
  }
}

}  // namespace
}  // namespace penstock::net

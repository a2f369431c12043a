// A compressed link: what was put in comes out however it is cut, and nothing else ever does. Bytes that were
// damaged on the way, or were never ours, end it; they are not passed on and take no memory to speak of.
#include "common/net/zstd_frames.h"

#include <algorithm>

#include "fuzz/input.h"

namespace {

using namespace penstock;

struct Outcome {
  std::string plain;
  bool broken = false;
};

Outcome decode(const std::vector<std::string_view>& pieces) {
  net::FrameDecoder decoder;
  Outcome outcome;
  const auto take_all = [&] {
    for (;;) {
      const auto frame = decoder.next();
      if (!frame) {
        FUZZ_CHECK(frame.error().code == Errc::corrupt && !decoder.next(), "for good");
        outcome.broken = true;
        return false;
      }
      if (!frame.value()) return true;
      FUZZ_CHECK(!frame.value()->empty() && frame.value()->size() <= net::kFramePlainMax);
      outcome.plain += *frame.value();
    }
  };
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const std::span<char> space = decoder.space();
      FUZZ_CHECK(!space.empty());
      const std::size_t n = piece.copy(space.data(), space.size());
      decoder.commit(n);
      piece.remove_prefix(n);
      if (!take_all()) return outcome;
    }
  }
  return outcome;
}

/// As a sender makes it that has a piece at a time, and flushes each.
std::string encode(const std::vector<std::string_view>& pieces, int level, std::size_t repeat) {
  net::FrameEncoder encoder(level);
  for (const std::string_view piece : pieces) {
    for (std::size_t i = 0; i < repeat; ++i) encoder.add(piece);
    encoder.seal();
  }
  return std::move(encoder.out());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t what = input.below(3);
  const std::uint8_t how = input.byte();
  if (what == 0) {  // bytes that nobody has made
    const std::string_view bytes = input.rest();
    const Outcome cut = decode(fuzz::cut(bytes, how)), whole = decode({bytes});
    FUZZ_CHECK(cut.plain == whole.plain && cut.broken == whole.broken);
    return 0;
  }
  const int level = 1 + static_cast<int>(input.below(3));
  const std::size_t repeat = 1 + 40 * input.below(8);  // so that a short input fills more than a frame
  const std::uint64_t damage = input.number(3);
  const auto pieces = fuzz::cut(input.rest(), input.byte());
  std::string plain;
  for (const std::string_view piece : pieces)
    for (std::size_t i = 0; i < repeat; ++i) plain += piece;
  std::string wire = encode(pieces, level, repeat);
  if (what == 1) {
    const Outcome outcome = decode(fuzz::cut(wire, how));
    FUZZ_CHECK(!outcome.broken && outcome.plain == plain);
  } else if (!wire.empty()) {
    wire[damage % wire.size()] ^= static_cast<char>(1u << (damage >> 16 & 7));
    const Outcome outcome = decode(fuzz::cut(wire, how));
    FUZZ_CHECK(plain.starts_with(outcome.plain));  // not all bits mean something
  }
  return 0;
}

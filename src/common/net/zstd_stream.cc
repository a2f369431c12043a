#include "common/net/zstd_stream.h"

#include <algorithm>

#include "common/base/known.h"

namespace penstock::net {
namespace {

constexpr std::size_t kSendBytes = 64 << 10;  ///< of compressed bytes, at least, while more is to come

}  // namespace

ZstdStream::ZstdStream(std::shared_ptr<ByteStream> inner, ZstdOptions options, std::string already_read)
    : inner_(std::move(inner)), already_read_(std::move(already_read)) {
  if (options.write_level > 0) encoder_.emplace(options.write_level);
  if (options.compressed_in) decoder_.emplace();
}

/// What arrives, as it is.
Task<Result<std::size_t>> ZstdStream::receive(std::span<char> into) {
  if (already_read_.empty()) co_return co_await inner_->read_some(into);
  const std::size_t n = already_read_.copy(into.data(), into.size());
  already_read_.erase(0, n);
  co_return n;
}

Task<Result<std::size_t>> ZstdStream::read_some(std::span<char> into) {
  auto read = co_await (decoder_ ? read_frames(into) : receive(into));
  if (read) plain_in_ += read.value();
  co_return read;
}

/// As much as has arrived.
Task<Result<std::size_t>> ZstdStream::read_frames(std::span<char> into) {
  FrameDecoder& decoder = known(decoder_);
  std::size_t total = 0;
  while (total < into.size()) {
    if (plain_.empty()) {
      auto frame = decoder.next();
      const bool stands = frame.has_value();
      if ((!stands || !frame.value()) && total > 0) break;
      if (!stands) {
        close();
        co_return fail(std::move(frame).error());
      }
      if (!frame.value()) {
        PS_CO_TRY(const std::size_t n, co_await receive(decoder.space()));
        decoder.commit(n);
        continue;
      }
      plain_ = known(frame.value());
    }
    const std::size_t n = plain_.copy(into.data() + total, into.size() - total);
    plain_.remove_prefix(n);
    total += n;
  }
  co_return total;
}

Task<Result<>> ZstdStream::write(std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) plain_out_ += piece.size();
  if (!encoder_) co_return co_await inner_->write(pieces);
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      encoder_->add(piece.substr(0, kFramePlainMax));
      piece.remove_prefix(std::min(piece.size(), kFramePlainMax));
      if (encoder_->out().size() < kSendBytes) continue;
      PS_CO_TRY(co_await send());
    }
  }
  encoder_->seal();
  co_return co_await send();
}

/// The frames that are whole.
Task<Result<>> ZstdStream::send() {
  const std::string_view frames = known(encoder_).out();
  PS_CO_TRY(co_await inner_->write(std::span(&frames, 1)));
  known(encoder_).out().clear();
  co_return success();
}

LinkFacts ZstdStream::facts() const {
  LinkFacts facts = inner_->facts();
  facts.zstd = true;
  facts.plain_in = plain_in_;
  facts.plain_out = plain_out_;
  return facts;
}

}  // namespace penstock::net

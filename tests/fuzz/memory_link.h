// A connection in memory: one end is a keeper's ByteStream, the other is the fuzzer's.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "common/async/wakeup.h"
#include "common/net/byte_stream.h"
#include "fuzz/input.h"

namespace penstock::fuzz {

class MemoryLink final : public net::ByteStream {
 public:
  MemoryLink(Executor executor, Address peer)
      : arrived_(executor), drained_(executor), peer_(std::move(peer)) {}

  // The fuzzer's end.
  /// The keeper reads it in pieces, cut as `how` says.
  void send(std::string_view bytes, std::uint8_t how) {
    for (const std::string_view piece : cut(bytes, how)) pieces_.emplace_back(piece);
    arrived_.ring();
  }
  /// No more will come.
  void end() {
    ended_ = true;
    arrived_.ring();
    drained_.ring();
  }
  /// What the keeper has written and was not taken yet.
  std::string take() {
    drained_.ring();
    return std::exchange(written_, {});
  }
  /// So much may wait to be taken; then the keeper's writes wait too.
  void set_room(std::size_t bytes) { room_ = bytes; }
  bool is_closed() const { return closed_; }  ///< by the keeper
  bool is_read() const { return pieces_.empty(); }

  // The keeper's.
  Task<Result<std::size_t>> read_some(std::span<char> into) override {
    FUZZ_CHECK(!reading_, "one read at a time");
    const Flag flag(reading_);
    for (;;) {
      if (closed_) co_return fail(Errc::io, "closed");
      if (!pieces_.empty()) break;
      if (ended_) co_return fail(Errc::io, "closed by the peer");
      PS_CO_TRY(co_await arrived_.wait_for(kForever));
    }
    std::string& piece = pieces_.front();
    const std::size_t n = std::min(piece.size(), into.size());
    std::copy_n(piece.begin(), n, into.begin());
    piece.erase(0, n);
    if (piece.empty()) pieces_.pop_front();
    co_return n;
  }
  Task<Result<>> write(std::span<const std::string_view> pieces) override {
    FUZZ_CHECK(!writing_, "one write at a time");
    const Flag flag(writing_);
    for (std::string_view piece : pieces) {
      while (!piece.empty()) {
        if (closed_ || ended_) co_return fail(Errc::io, "closed");
        const std::size_t n = std::min(piece.size(), room_ - std::min(room_, written_.size()));
        written_ += piece.substr(0, n);
        piece.remove_prefix(n);
        if (n == 0) {
          PS_CO_TRY(co_await drained_.wait_for(kForever));
        }
      }
    }
    co_return success();
  }
  std::size_t write_now(std::span<const std::string_view> pieces) override {
    FUZZ_CHECK(!writing_, "not beside a write");
    std::size_t taken = 0;
    for (const std::string_view piece : pieces) {
      if (closed_ || ended_) break;
      const std::size_t n = std::min(piece.size(), room_ - std::min(room_, written_.size()));
      written_ += piece.substr(0, n);
      taken += n;
      if (n < piece.size()) break;
    }
    return taken;
  }
  void close() override {
    closed_ = true;
    arrived_.ring();
    drained_.ring();
  }
  Address peer() const override { return peer_; }
  net::LinkFacts facts() const override { return {}; }

 private:
  static constexpr Millis kForever = std::chrono::hours(10'000);
  struct Flag {
    explicit Flag(bool& set) : flag(set) { flag = true; }
    ~Flag() { flag = false; }
    bool& flag;
  };

  Wakeup arrived_, drained_;
  Address peer_;
  std::deque<std::string> pieces_;
  std::string written_;
  std::size_t room_ = SIZE_MAX;
  bool ended_ = false, closed_ = false, reading_ = false, writing_ = false;
};

}  // namespace penstock::fuzz

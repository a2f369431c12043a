#include "metaserver/face/session.h"

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/base/known.h"
#include "common/log/log.h"
#include "metaserver/hub.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"sentinel face"};
constexpr std::size_t kAnswersMax = 1 << 20;  ///< not read yet: no command is taken meanwhile
constexpr std::size_t kNewsMax = 8 << 20;     ///< the same with what a client has subscribed to
constexpr std::size_t kWrittenAtOnce = 64;    ///< pieces
constexpr serve::CommandLimits kLimits{.arguments_max = 128,
                                       .argument_bytes_max = 4 << 10,
                                       .command_bytes_max = 16 << 10,
                                       .inline_bytes_max = 4 << 10};

}  // namespace

FaceSession::FaceSession(Executor executor, std::shared_ptr<net::ByteStream> stream, Conversation::Hall& hall,
                         std::int64_t id, const serve::Patience& patience)
    : stream_(std::move(stream)),
      conversation_(hall, id),
      patience_(patience),
      reader_(kLimits),
      writable_(executor),
      flushed_(executor),
      began_ms_(mono_ms()),
      last_command_ms_(began_ms_) {}

Task<Result<>> FaceSession::run() {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (read_loop() || write_loop());
  co_return first.index() == 0 ? std::get<0>(std::move(first)) : std::get<1>(std::move(first));
}

Task<Result<>> FaceSession::read_loop() {
  std::array<char, 4096> chunk;
  for (;;) {
    PS_CO_TRY(const std::size_t n, co_await stream_->read_some(chunk));
    if (closing_) continue;  // the last answer is on its way, and with it the link ends
    if (!reader_.inside_command()) command_began_ms_ = mono_ms();
    reader_.feed({chunk.data(), n});
    while (!closing_) {
      auto command = reader_.next();
      if (!command) {
        RespWriter out(Protocol::resp2);
        out.error("ERR Protocol error: " + command.error().message);
        closing_ = true;
        queue(std::make_shared<const std::string>(out.take()));
        break;
      }
      if (!command.value()) break;
      last_command_ms_ = command_began_ms_ = mono_ms();
      auto answer = conversation_.answer(std::move(known(command.value())));
      closing_ = conversation_.is_over();
      queue(std::move(answer));
      PS_CO_TRY(co_await room_for_answers());
    }
  }
}

/// A peer that asks and does not read is not listened to, and cut when it goes on like that.
Task<Result<>> FaceSession::room_for_answers() {
  while (out_bytes_ > kAnswersMax) {
    PS_CO_TRY(co_await flushed_.wait_for(Millis{60'000}));
  }
  co_return success();
}

void FaceSession::queue(Bytes bytes) {
  out_bytes_ += bytes->size();
  out_.push_back(std::move(bytes));
  writable_.ring();
}

Task<Result<>> FaceSession::flush() {
  while (!out_.empty()) {
    std::vector<Bytes> held;
    std::vector<std::string_view> pieces;
    while (!out_.empty() && held.size() < kWrittenAtOnce) {
      held.push_back(std::move(out_.front()));
      pieces.emplace_back(*held.back());
      out_.pop_front();
    }
    sending_since_ms_ = mono_ms();
    auto written = co_await stream_->write(pieces);
    sending_since_ms_.reset();
    if (!written) co_return written;
    for (const auto piece : pieces) out_bytes_ -= piece.size();
    flushed_.ring();
  }
  co_return success();
}

Task<Result<>> FaceSession::write_loop() {
  for (;;) {
    PS_CO_TRY(co_await flush());
    if (closing_) co_return success();
    PS_CO_TRY(co_await writable_.wait_for(Millis{60'000}));
  }
}

void FaceSession::tell(const MasterDirectory::Move& move) {
  std::string news = conversation_.told(move);
  if (news.empty() || closing_) return;
  if (out_bytes_ > kNewsMax) {
    kLog.warn("a connection is cut off",
              {{"peer", stream_->peer().text()}, {"why", "what it has subscribed to is not read"}});
    stream_->close();
    return;
  }
  queue(std::make_shared<const std::string>(std::move(news)));
}

serve::Conduct FaceSession::conduct() const {
  return {.is_authenticated = conversation_.is_authenticated(),
          .is_subscribed = conversation_.is_subscribed(),
          .inside_command = reader_.inside_command(),
          .is_written_to = sending_since_ms_.has_value(),
          .began_ms = began_ms_,
          .command_began_ms = command_began_ms_,
          .last_command_ms = last_command_ms_,
          .written_since_ms = sending_since_ms_.value_or(0)};
}

void FaceSession::cut_if_overdue(std::int64_t now_ms) {
  const std::string why = serve::overdue(conduct(), patience_, now_ms);
  if (why.empty()) return;
  kLog.info("a connection is cut off", {{"peer", stream_->peer().text()}, {"why", why}});
  stream_->close();
}

}  // namespace penstock::metaserver

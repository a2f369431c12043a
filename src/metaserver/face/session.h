// One connection to the Sentinel face: bytes in and out around a conversation, and how long it may keep us
// waiting.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "common/async/task.h"
#include "common/async/wakeup.h"
#include "common/net/byte_stream.h"
#include "common/serve/command_reader.h"
#include "common/serve/patience.h"
#include "metaserver/face/conversation.h"

namespace penstock::metaserver {

class FaceSession {
 public:
  /// `hall` and `patience` must outlive it.
  FaceSession(Executor executor, std::shared_ptr<net::ByteStream> stream, Conversation::Hall& hall,
              std::int64_t id, const serve::Patience& patience);

  /// Serves until the connection ends.
  Task<Result<>> run();

  /// Who does not read what it has subscribed to is cut off.
  void tell(const MasterDirectory::Move& move);
  void cut_if_overdue(std::int64_t now_ms);

 private:
  using Bytes = Conversation::Bytes;

  Task<Result<>> read_loop();
  Task<Result<>> write_loop();
  Task<Result<>> flush();
  Task<Result<>> room_for_answers();
  void queue(Bytes bytes);
  serve::Conduct conduct() const;

  std::shared_ptr<net::ByteStream> stream_;
  Conversation conversation_;
  const serve::Patience& patience_;
  serve::CommandReader reader_;
  std::deque<Bytes> out_;
  std::size_t out_bytes_ = 0;
  Wakeup writable_, flushed_;
  bool closing_ = false;

  // See Conduct.
  std::int64_t began_ms_, command_began_ms_ = 0, last_command_ms_;
  std::optional<std::int64_t> sending_since_ms_;
};

}  // namespace penstock::metaserver

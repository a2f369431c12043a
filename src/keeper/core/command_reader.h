// Commands as clients and replicas send them: RESP arrays of bulk strings, the odd inline command, and the
// bare newlines by which a loading replica says that it lives. Pure and incremental, bounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace penstock::keeper {

class CommandReader {
 public:
  static constexpr std::size_t kArgumentsMax = 1024;
  static constexpr std::size_t kArgumentBytesMax = 64 << 10;
  static constexpr std::size_t kBufferMax = 256 << 10;

  /// Errc::protocol when more is buffered than any legal command needs.
  Result<> feed(std::string_view bytes);
  /// The next whole command (never empty), nullopt: feed more. Errc::protocol is final.
  Result<std::optional<std::vector<std::string>>> next();

 private:
  std::string buffer_;
};

}  // namespace penstock::keeper

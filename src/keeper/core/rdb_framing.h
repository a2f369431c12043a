// The two framings of an RDB on a replication link: "$<len>\r\n<bytes>" and "$EOF:<40 bytes>\r\n<bytes><40 bytes>",
// with keep-alive newlines before the header. Pure and incremental.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace penstock::keeper {

class RdbFraming {
 public:
  struct Progress {
    std::string_view payload;  ///< RDB bytes of this input (a view into it or into the framing's hold-back buffer,
                               ///< valid until the next call)
    std::size_t consumed = 0;  ///< input bytes used; the rest (only when complete) belongs to the stream
    bool complete = false;
  };
  /// Feed the bytes after "+FULLRESYNC …\r\n". Call again with the unconsumed rest while consumed < input.size() and
  /// not complete. Errors: refused (the master sent -ERR instead of $), protocol (no such header, negative length).
  Result<Progress> feed(std::string_view input);

  bool header_seen() const;
  std::optional<std::int64_t> length() const;  ///< known for $<len> only
  bool uses_eof_mark() const;                  ///< then the master streams nothing until REPLCONF ACK

 private:
  enum class Stage { header, body_length, body_mark, done };
  Stage stage_ = Stage::header;
  std::string line_, mark_, held_, out_;
  std::int64_t left_ = 0;
  std::optional<std::int64_t> length_;
};

}  // namespace penstock::keeper

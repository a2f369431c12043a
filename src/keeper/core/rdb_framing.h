// The two framings of an RDB on a replication link: "$<len>\r\n<bytes>" and "$EOF:<40 bytes>\r\n<bytes><40
// bytes>", with keep-alive newlines before the header. Pure and incremental.
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
    std::string_view payload;  ///< RDB bytes of this input (a view into it or into the framing's hold-back
                               ///< buffer, valid until the next call)
    std::size_t consumed = 0;  ///< input bytes used; the rest (only when complete) belongs to the stream
    bool complete = false;
  };
  /// Feed the bytes after "+FULLRESYNC …\r\n". Call again with the unconsumed rest while consumed <
  /// input.size() and not complete. Errors: refused (the master sent -ERR instead of $), protocol (no such
  /// header, a length below 1: an RDB is never empty). That what came is a whole RDB is rdb_check.h's to say.
  Result<Progress> feed(std::string_view input);

  bool header_seen() const;
  std::optional<std::int64_t> length() const;  ///< known for $<len> only
  bool uses_eof_mark() const;                  ///< then the master streams nothing until REPLCONF ACK

 private:
  enum class Stage { header, body_length, body_mark, done };

  Result<Progress> feed_header(std::string_view input);
  Result<> take_header(std::string_view line);
  Result<Progress> feed_length(std::string_view input);
  Result<Progress> feed_mark(std::string_view input);
  std::size_t mark_begun(std::string_view bytes) const;

  Stage stage_ = Stage::header;
  std::string line_;        ///< a header that the input was cut in
  std::string mark_;        ///< of $EOF: framing
  std::string held_, out_;  ///< bytes that may be the mark's beginning; the payload handed out last
  std::int64_t left_ = 0;   ///< of $<len> framing
  std::optional<std::int64_t> length_;
};

}  // namespace penstock::keeper

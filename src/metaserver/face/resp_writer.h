// Replies in the version of the protocol that a client has chosen. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/resp/encode.h"

namespace penstock::metaserver {

enum class Protocol { resp2 = 2, resp3 = 3 };

class RespWriter {
 public:
  explicit RespWriter(Protocol protocol) : protocol_(protocol) {}

  void simple(std::string_view text) { resp::append_simple(out_, text); }
  void error(std::string_view text) { resp::append_error(out_, text); }
  void integer(std::int64_t value) { resp::append_integer(out_, value); }
  void bulk(std::string_view bytes) { resp::append_bulk(out_, bytes); }
  void array(std::size_t count) { resp::append_array_header(out_, count); }
  void map(std::size_t pairs) { is_3() ? header('%', pairs) : array(2 * pairs); }
  void push(std::size_t count) { is_3() ? header('>', count) : array(count); }
  void null() { out_ += is_3() ? "_\r\n" : "$-1\r\n"; }
  void null_array() { out_ += is_3() ? "_\r\n" : "*-1\r\n"; }
  void field(std::string_view name, std::string_view value) {
    bulk(name);
    bulk(value);
  }

  std::string take() { return std::exchange(out_, {}); }

 private:
  bool is_3() const { return protocol_ == Protocol::resp3; }
  void header(char kind, std::size_t count) {
    out_ += kind;
    out_ += std::to_string(count) + "\r\n";
  }

  Protocol protocol_;
  std::string out_;
};

}  // namespace penstock::metaserver

#include "common/resp/parser.h"

#include <hiredis/read.h>

#include <string>

namespace penstock::resp {
namespace {

/// What hiredis builds a reply into. It calls these functions as it parses; returning null ends the parse,
/// which is how our limits hold before memory is spent: hiredis itself would allocate whatever a length
/// claims.
struct Builder {
  Limits limits;
  std::size_t elements = 0;  ///< values placed so far in the reply under way
  std::size_t claimed = 0;   ///< sum of the lengths that its arrays claim, nested ones included
  std::size_t bytes = 0;     ///< of strings in the reply under way: hiredis' buffer has them no longer
  std::string violation;

  bool claim(std::size_t length) {
    // Arrays reserve what they claim, so nested claims must not add up either.
    if (length <= limits.elements_max - claimed) {
      claimed += length;
      return true;
    }
    violation = "an array of " + std::to_string(length) + " elements is too large: a reply may have " +
                std::to_string(limits.elements_max);
    return false;
  }

  std::string line_too_long() const {
    return "a line is longer than " + std::to_string(limits.line_bytes_max) + " bytes";
  }

  bool nest(const redisReadTask* task) {
    std::size_t depth = 1;
    for (const redisReadTask* above = task->parent; above != nullptr; above = above->parent) ++depth;
    if (depth > limits.depth_max)
      violation = "arrays are nested more than " + std::to_string(limits.depth_max) + " deep";
    return depth <= limits.depth_max;
  }

  Value* place(const redisReadTask* task) {
    if (++elements > limits.elements_max) {
      violation = "a reply has more than " + std::to_string(limits.elements_max) + " elements";
      return nullptr;
    }
    if (task->parent == nullptr) return new Value;
    auto& parent = std::get<std::vector<Value>>(static_cast<Value*>(task->parent->obj)->v);
    // Element by element, not resized to the claimed length: the peer has to send what it claims.
    parent.emplace_back();
    return &parent.back();
  }
};

Builder& builder_of(const redisReadTask* task) {
  return *static_cast<Builder*>(task->privdata);
}

void* create_string(const redisReadTask* task, char* text, std::size_t length) {
  if (task->type != REDIS_REPLY_STRING && length > builder_of(task).limits.line_bytes_max) {
    builder_of(task).violation = builder_of(task).line_too_long();
    return nullptr;
  }
  Value* value = builder_of(task).place(task);
  if (!value) return nullptr;
  builder_of(task).bytes += length;
  if (task->type == REDIS_REPLY_ERROR) {
    value->v = ServerError{std::string(text, length)};
  } else {
    value->v = std::string(text, length);
  }
  return value;
}

void* create_array(const redisReadTask* task, int length) {
  Builder& builder = builder_of(task);
  if (!builder.nest(task) || !builder.claim(static_cast<std::size_t>(length))) return nullptr;
  Value* value = builder.place(task);
  if (!value) return nullptr;
  auto& elements = value->v.emplace<std::vector<Value>>();
  // Pointers to elements are kept by hiredis while it fills them, so the vector must not move. Bounded by
  // elements_max.
  elements.reserve(static_cast<std::size_t>(length));
  return value;
}

void* create_integer(const redisReadTask* task, long long number) {
  Value* value = builder_of(task).place(task);
  if (value) value->v = static_cast<std::int64_t>(number);
  return value;
}

void* create_nil(const redisReadTask* task) {
  return builder_of(task).place(task);
}

/// hiredis frees roots only: elements belong to them.
void free_object(void* object) {
  delete static_cast<Value*>(object);
}

redisReplyObjectFunctions& functions() {
  static redisReplyObjectFunctions table = {create_string, create_array, create_integer, create_nil,
                                            free_object};
  return table;
}

}  // namespace

struct Parser::Impl {
  explicit Impl(Limits limits)
      : builder{limits, 0, 0, 0, {}}, reader(redisReaderCreateWithFunctions(&functions())) {
    reader->privdata = &builder;
    reader->maxbuf = 64 << 10;  // an idle connection gives back what a large reply took
  }
  ~Impl() { redisReaderFree(reader); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  auto dead() const { return fail(Errc::protocol, violation); }

  /// What hiredis waits for begins with a line; the rest of a string may be long, a line may not.
  bool waits_for_a_line_too_long() const {
    const std::string_view waiting(reader->buf + reader->pos, reader->len - reader->pos);
    const std::size_t max = builder.limits.line_bytes_max + 1;  // and its end
    return waiting.size() > max && waiting.substr(0, max + 1).find('\n') == std::string_view::npos;
  }

  Builder builder;
  redisReader* reader;
  std::string violation;  ///< not empty: dead
};

Parser::Parser(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Result<> Parser::feed(std::string_view bytes) {
  Impl& impl = *impl_;
  if (!impl.violation.empty()) return impl.dead();
  const std::size_t buffered = impl.reader->len - impl.reader->pos + impl.builder.bytes;
  if (buffered + bytes.size() > impl.builder.limits.buffered_bytes_max) {
    impl.violation =
        "a reply is larger than " + std::to_string(impl.builder.limits.buffered_bytes_max) + " bytes";
    return impl.dead();
  }
  if (redisReaderFeed(impl.reader, bytes.data(), bytes.size()) != REDIS_OK) {
    impl.violation = impl.reader->errstr;
    return impl.dead();
  }
  return success();
}

Result<std::optional<Value>> Parser::next() {
  Impl& impl = *impl_;
  if (!impl.violation.empty()) return impl.dead();
  void* reply = nullptr;
  if (redisReaderGetReply(impl.reader, &reply) != REDIS_OK) {
    impl.violation = impl.builder.violation.empty() ? std::string("no RESP: ") + impl.reader->errstr
                                                    : impl.builder.violation;
    return fail(Errc::protocol, impl.violation);
  }
  if (reply == nullptr && impl.waits_for_a_line_too_long()) {
    impl.violation = impl.builder.line_too_long();
    return impl.dead();
  }
  if (reply == nullptr) return std::optional<Value>();
  impl.builder.elements = impl.builder.claimed = impl.builder.bytes = 0;
  std::unique_ptr<Value> value(static_cast<Value*>(reply));
  return std::optional<Value>(std::move(*value));
}

}  // namespace penstock::resp

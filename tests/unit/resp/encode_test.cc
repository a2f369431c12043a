#include "common/resp/encode.h"

#include <gtest/gtest.h>

#include "common/resp/parser.h"

namespace penstock::resp {
namespace {

using namespace std::string_literals;

std::string written(void (*append)(std::string&, std::string_view), std::string_view text) {
  std::string out;
  append(out, text);
  return out;
}

TEST(Encode, a_command_is_bulk_strings_whatever_its_arguments_hold) {
  EXPECT_EQ(encode_command({"PING"}), "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(encode_command({"SET", "", "a\r\n$1\0"s}), "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$6\r\na\r\n$1\0\r\n"s);
}

TEST(Encode, lines_cannot_be_broken) {
  EXPECT_EQ(written(append_simple, "OK\r\n+FORGED"), "+OK  +FORGED\r\n");
  EXPECT_EQ(written(append_error, "ERR no\n:1\r"), "-ERR no :1 \r\n");
  EXPECT_EQ(written(append_bulk, "a\r\nb"), "$4\r\na\r\nb\r\n");
}

TEST(Encode, values_are_read_back_as_they_were) {
  const Value value{
      std::vector<Value>{{Nil{}},
                         {std::string("a\r\nb")},
                         {INT64_MIN},
                         {ServerError{"ERR x"}},
                         {std::vector<Value>{}},
                         {std::vector<Value>{{std::string()}, {std::vector<Value>{{std::int64_t{0}}}}}}}};
  std::string bytes;
  append_value(bytes, value);
  Parser parser;
  ASSERT_TRUE(parser.feed(bytes));
  auto back = parser.next();
  ASSERT_TRUE(back && back.value());
  EXPECT_TRUE(*back.value() == value);
}

}  // namespace
}  // namespace penstock::resp

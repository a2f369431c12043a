#include "metaserver/face/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::metaserver {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool matches;
};

const Case kCases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "+switch-master", true},
    {"**", "x", true},
    {"+switch-master", "+switch-master", true},
    {"+switch-maste", "+switch-master", false},
    {"+switch-master!", "+switch-master", false},
    {"+*-master", "+switch-master", true},
    {"+*-masters", "+switch-master", false},
    {"*a*b*c", "xaxbxbc", true},
    {"*a*b*c", "xaxcxbx", false},
    {"?", "", false},
    {"?switch?master", "+switch-master", true},
    {"[+x]switch*", "+switch-master", true},
    {"[+-]switch*", "+switch-master", false},
    {"[^+]switch*", "+switch-master", false},
    {"[a-z]*", "m", true},
    {"[z-a]*", "m", true},
    {"[a-c]*", "m", false},
    {"[\\]]", "]", true},
    {"[abc", "c", true},
    {"[", "[", false},
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"a\\", "a\\", true},
};

TEST(Glob, matches_as_redis_does) {
  for (const auto& c : kCases)
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << " " << c.text;
}

TEST(Glob, a_hostile_pattern_takes_no_time) {
  std::string pattern;
  for (int i = 0; i < 128; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(4'096, 'a')));
}

}  // namespace
}  // namespace penstock::metaserver

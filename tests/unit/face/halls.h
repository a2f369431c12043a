// A Sentinel face's directory as it looks in a backup data center; a test spoils what it is about.
#pragma once

#include "metaserver/face/conversation.h"

namespace penstock::metaserver::test {

struct SomeHall {
  MasterDirectory directory;
  Conversation::Hall hall{
      {directory, {"ms-1", {"127.0.0.1", 8190}, "0.1.0", 0, Address{"127.0.0.1", 9001}}, "west", {}}, ""};

  SomeHall() {
    tell("orders/s1", MasterStatement{"east", {3, 5}, Address{"127.0.0.1", 6001}},
         {{{"127.0.0.1", 6101}}, {{"127.0.0.1", 6102}, false}});
    tell("orders/s2", std::nullopt);
    hall.facts.others = {{"ms-2", {"127.0.0.1", 8191}, "0.1.0", 0, Address{"127.0.0.1", 9002}}};
  }

  std::optional<MasterDirectory::Move> tell(std::string name, std::optional<MasterStatement> statement,
                                            std::vector<NearRedis> redises = {}) {
    return directory.tell({"ms-1", true}, {std::move(name), std::move(statement), std::move(redises)});
  }
};

/// The reply, its line ends as spaces.
inline std::string line(const std::string& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r') continue;
    text += bytes[i] == '\n' ? ' ' : bytes[i];
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

inline Conversation::Command words(const std::string& text) {
  Conversation::Command command;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    command.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return command;
}

inline std::string say(Conversation& conversation, const std::string& text) {
  return line(*conversation.answer(words(text)));
}

}  // namespace penstock::metaserver::test

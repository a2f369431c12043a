// One client's conversation with the Sentinel face: a command in, its answer out. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "metaserver/face/listing.h"

namespace penstock::metaserver {

class Conversation {
 public:
  using Command = std::vector<std::string>;
  using Bytes = SharedAnswers::Bytes;

  static constexpr std::size_t kSubscriptionsMax = 64;
  static constexpr std::size_t kChannelBytesMax = 256;

  /// What all conversations share.
  struct Hall {
    FaceFacts facts;
    std::string password;  ///< empty: nobody is asked for one
    SharedAnswers shared{};
  };

  /// `hall` must outlive it. `id`: for HELLO and CLIENT ID.
  Conversation(Hall& hall, std::int64_t id);

  /// `command` is not empty.
  Bytes answer(Command command);
  /// What the client is to be told of a new master; "" when it does not listen for that.
  std::string told(const MasterDirectory::Move& move) const;

  bool is_authenticated() const { return authenticated_; }
  bool is_subscribed() const { return !channels_.empty() || !patterns_.empty(); }
  bool is_over() const { return over_; }  ///< after QUIT: the answer is the last one

 private:
  /// With RESP2, who has subscribed cannot tell an answer from news.
  bool only_listens() const { return protocol_ == Protocol::resp2 && is_subscribed(); }
  std::string answer_at_once(const Command& command);
  std::string sentinel(const Command& command);
  std::string about_shard(const std::string& what, const std::string& name) const;
  std::string hello(const Command& command);
  std::string auth(const Command& command);
  std::string client(const Command& command);
  std::string change_subscriptions(const Command& command, bool adds, bool are_patterns);
  std::string reset();
  std::string ping(const Command& command) const;
  std::string role() const;
  RespWriter writer() const { return RespWriter(protocol_); }

  Hall& hall_;
  std::int64_t id_;
  Protocol protocol_ = Protocol::resp2;
  bool authenticated_ = false;
  bool over_ = false;
  std::string name_;  ///< by CLIENT SETNAME
  std::set<std::string> channels_, patterns_;
};

}  // namespace penstock::metaserver

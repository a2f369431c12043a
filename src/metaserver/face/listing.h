// What SENTINEL's subcommands and INFO say of a data center's shards. Pure.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/model/model.h"
#include "metaserver/core/master_directory.h"
#include "metaserver/face/resp_writer.h"

namespace penstock::metaserver {

/// The version that clients are told: what they find here is Sentinel as of then.
inline constexpr std::string_view kSpokenVersion = "7.0.0";

/// Forty hex digits that stay the same for the same text: Sentinel's way to know a server again.
std::string run_id_of(std::string_view text);

struct FaceFacts {
  const MasterDirectory& directory;
  model::MetaserverInfo self;
  std::string dc;
  std::vector<model::MetaserverInfo> others;  ///< live metaservers of this data center that have a face

  std::string run_id() const { return run_id_of(dc + "/" + self.id); }
};

/// `shard.master()` must be set.
void write_master(RespWriter& out, const std::string& name, const MasterDirectory::Shard& shard,
                  const FaceFacts& facts);
void write_masters(RespWriter& out, const FaceFacts& facts);
void write_replicas(RespWriter& out, const MasterDirectory::Shard& shard);
void write_sentinels(RespWriter& out, const FaceFacts& facts);
std::string info_text(const FaceFacts& facts, const std::string& section);

/// What is long and the same for everybody is rendered once for each state of the directory, and shared by
/// all who are being sent it.
class SharedAnswers {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  Bytes masters(Protocol protocol, const FaceFacts& facts);
  Bytes info(const std::string& section, const FaceFacts& facts);  ///< `section` in upper case

 private:
  void start_anew(const FaceFacts& facts);

  std::uint64_t version_ = 0;
  std::vector<model::MetaserverInfo> others_;
  std::map<std::string, Bytes> rendered_;
};

}  // namespace penstock::metaserver

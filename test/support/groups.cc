// SPDX-License-Identifier: BSD-3-Clause
#include "support/groups.h"

#include "packet/group_address.h"

namespace covey::test {

namespace {

constexpr std::string_view kRouter = "10.77.0.1";
constexpr std::string_view kRouter6 = "fe80::1";

void append(Frame& out, std::string_view address) {
  const base::IpAddress parsed = ip(address);
  out.insert(out.end(), parsed.bytes.begin(), parsed.bytes.begin() + parsed.byte_length());
}

FrameBuilder igmp(std::string_view source, std::string_view destination, Frame message) {
  FrameBuilder frame;
  frame.ip(source, destination).hop_limit(1).options({0x94, 4, 0, 0});
  frame.protocol(packet::kProtocolIgmp, std::move(message));
  frame.to(packet::group_mac(ip(destination)));
  return frame;
}

FrameBuilder mld(std::string_view source, std::string_view destination, std::uint8_t type,
                 Frame rest) {
  FrameBuilder frame;
  frame.ip(source, destination).hop_limit(1).extension(0).icmp(type, 0, std::move(rest));
  frame.to(packet::group_mac(ip(destination)));
  return frame;
}

}  // namespace

FrameBuilder igmp_query(const QueryText& text) {
  const bool is_general = text.group.empty();
  Frame message{0x11, static_cast<std::uint8_t>(text.code), 0, 0};
  append(message, is_general ? "0.0.0.0" : text.group);
  if (text.version == 3) message.insert(message.end(), {2, 125, 0, 0});
  return igmp(kRouter, is_general ? "224.0.0.1" : text.group, message);
}

FrameBuilder mld_query(const QueryText& text) {
  const bool is_general = text.group.empty();
  Frame rest{static_cast<std::uint8_t>(text.code >> 8U), static_cast<std::uint8_t>(text.code), 0,
             0};
  append(rest, is_general ? "::" : text.group);
  if (text.version == 2) rest.insert(rest.end(), {2, 125, 0, 0});
  return mld(kRouter6, is_general ? "ff02::1" : text.group, 130, rest);
}

FrameBuilder igmp_report(std::string_view group) {
  Frame message{0x16, 0, 0, 0};
  append(message, group);
  return igmp("10.77.0.12", group, message);
}

FrameBuilder mld_report(std::string_view group) {
  Frame rest{0, 0, 0, 0};
  append(rest, group);
  return mld("fe80::12", group, 131, rest);
}

}  // namespace covey::test

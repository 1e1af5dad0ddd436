// SPDX-License-Identifier: BSD-3-Clause
#include "capture.h"

#include <pcap/pcap.h>

#include <array>

namespace covey::app {

using base::ErrorCode;
using base::fail;

void Capture::Close::operator()(pcap* file) const {
  ::pcap_close(file);
}

base::Result<Capture> Capture::open(const std::string& path) {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  pcap* file = ::pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO,
                                                         reason.data());
  if (file == nullptr) return fail(ErrorCode::io, reason.data());
  Capture capture(file, path);
  if (::pcap_datalink(file) != DLT_EN10MB)
    return fail(ErrorCode::unsupported, path + ": not a capture of Ethernet frames");
  return capture;
}

base::Result<std::optional<CapturedFrame>> Capture::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int got = ::pcap_next_ex(file_.get(), &header, &bytes);
  if (got == PCAP_ERROR_BREAK) return std::optional<CapturedFrame>{};
  if (got != 1) return fail(ErrorCode::corrupt, path_ + ": " + ::pcap_geterr(file_.get()));
  constexpr std::int64_t kSecond = 1'000'000'000;
  // With nanosecond precision the field for microseconds holds nanoseconds.
  const base::TimePoint time{header->ts.tv_sec * kSecond + header->ts.tv_usec};
  return CapturedFrame{time, {bytes, header->caplen}};
}

}  // namespace covey::app

// SPDX-License-Identifier: BSD-3-Clause
#include "cli/capture_filter.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <memory>

#include "api/pcapng.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

struct Program {
  bpf_program code{};
  ~Program() { ::pcap_freecode(&code); }
};

}  // namespace

base::Result<std::vector<api::FilterStep>> compile_filter(const std::string& expression) {
  const std::unique_ptr<pcap_t, decltype(&::pcap_close)> ethernet(
      ::pcap_open_dead(DLT_EN10MB, api::kMaxCapturedBytes), &::pcap_close);
  if (ethernet == nullptr) return fail(ErrorCode::unavailable, "no memory for the filter");
  Program program;
  constexpr int optimize = 1;
  if (::pcap_compile(ethernet.get(), &program.code, expression.c_str(), optimize,
                     PCAP_NETMASK_UNKNOWN) != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("FILTER: {}; see pcap-filter(7)", ::pcap_geterr(ethernet.get())));
  }
  if (program.code.bf_len > api::kMaxFilterSteps) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("FILTER: compiled it has {} steps; allowed are at most {}",
                            program.code.bf_len, api::kMaxFilterSteps));
  }
  std::vector<api::FilterStep> steps;
  for (u_int i = 0; i < program.code.bf_len; ++i) {
    const bpf_insn& step = program.code.bf_insns[i];
    steps.push_back({step.code, step.jt, step.jf, step.k});
  }
  return steps;
}

}  // namespace covey::cli

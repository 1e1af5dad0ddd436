// SPDX-License-Identifier: BSD-3-Clause
// The words of newer versions of DPDK, for those of 22.11, which has others.
//
// Owner: dataplane. Thread: any.
#pragma once

#include <cstdint>

#include <rte_telemetry.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)

inline constexpr rte_tel_value_type RTE_TEL_UINT_VAL = RTE_TEL_U64_VAL;

inline int rte_tel_data_add_array_uint(rte_tel_data* list, std::uint64_t value) {
  return rte_tel_data_add_array_u64(list, value);
}
inline int rte_tel_data_add_dict_uint(rte_tel_data* table, const char* name, std::uint64_t value) {
  return rte_tel_data_add_dict_u64(table, name, value);
}

#endif

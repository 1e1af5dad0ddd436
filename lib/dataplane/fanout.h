// SPDX-License-Identifier: BSD-3-Clause
// keep_fragments_as_they_are(): sees to it that an af_packet uplink gives fragments as they came.
//
// Owner: dataplane. Thread: any, before the uplink is opened.
#pragma once

namespace covey::dataplane {

/// Linking it in is all it takes; see fanout.cc. It exists so that the linker keeps that file.
void keep_fragments_as_they_are() noexcept;

}  // namespace covey::dataplane

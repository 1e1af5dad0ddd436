-- SPDX-License-Identifier: BSD-3-Clause
-- For wrk: each connection waits that many milliseconds before its next request, so that the rate
-- hardly depends on how fast the answers come.
function delay()
  return 32
end

// SPDX-License-Identifier: BSD-3-Clause
// The one header of Catch2 2, made of those of Catch2 3 that our tests need. On the include path
// only where the release has Catch2 3.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/interfaces/catch_interfaces_capture.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>

// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry/metrics.h"

#include <catch2/catch.hpp>
#include <limits>

using covey::telemetry::Metric;
using covey::telemetry::MetricType;
using covey::telemetry::to_openmetrics;

TEST_CASE("an exposition without metrics is only the end mark") {
  CHECK(to_openmetrics({}) == "# EOF\n");
}

TEST_CASE("a counter's samples get the suffix that its family name does not have") {
  const Metric metric{"covey_verdict_frames",
                      "Frames by verdict.",
                      MetricType::counter,
                      "",
                      {{{{"verdict", "deliver_owned"}}, 12}, {{{"verdict", "drop_icmp"}}, 0}}};
  CHECK(to_openmetrics({metric}) ==
        "# TYPE covey_verdict_frames counter\n"
        "# HELP covey_verdict_frames Frames by verdict.\n"
        "covey_verdict_frames_total{verdict=\"deliver_owned\"} 12\n"
        "covey_verdict_frames_total{verdict=\"drop_icmp\"} 0\n"
        "# EOF\n");
}

TEST_CASE("a unit is announced between type and help") {
  const Metric metric{"covey_since_seconds", "Age.", MetricType::gauge, "seconds", {{{}, 0.25}}};
  CHECK(to_openmetrics({metric}) ==
        "# TYPE covey_since_seconds gauge\n"
        "# UNIT covey_since_seconds seconds\n"
        "# HELP covey_since_seconds Age.\n"
        "covey_since_seconds 0.25\n"
        "# EOF\n");
}

TEST_CASE("label values and help texts may hold anything and are escaped") {
  const Metric metric{"covey_x",
                      "a \"b\"\nc\\d",
                      MetricType::gauge,
                      "",
                      {{{{"rule", "we\"b\\\n"}, {"host", "}{=,#"}}, 1}}};
  CHECK(to_openmetrics({metric}) ==
        "# TYPE covey_x gauge\n"
        "# HELP covey_x a \\\"b\\\"\\nc\\\\d\n"
        "covey_x{rule=\"we\\\"b\\\\\\n\",host=\"}{=,#\"} 1\n"
        "# EOF\n");
}

TEST_CASE("a family without samples is left out, and order is kept") {
  const Metric empty{"covey_a", "A.", MetricType::gauge, "", {}};
  const Metric second{"covey_c", "C.", MetricType::gauge, "", {{{}, 1}}};
  const Metric third{"covey_b", "B.", MetricType::gauge, "", {{{}, 2}}};
  const std::string text = to_openmetrics({empty, second, third});
  CHECK(text.find("covey_a") == std::string::npos);
  CHECK(text.find("covey_c 1\n") < text.find("covey_b 2\n"));
}

TEST_CASE("an info says what something is in its labels") {
  const Metric metric{"covey_host", "H.", MetricType::info, "", {{{{"name", "web1"}}, 1}}};
  CHECK(to_openmetrics({metric}) ==
        "# TYPE covey_host info\n# HELP covey_host H.\ncovey_host_info{name=\"web1\"} 1\n# EOF\n");
}

TEST_CASE("numbers that are not finite have the spelling of the format") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Metric metric{"covey_x",
                      "X.",
                      MetricType::gauge,
                      "",
                      {{{{"a", "1"}}, infinity},
                       {{{"a", "2"}}, -infinity},
                       {{{"a", "3"}}, std::numeric_limits<double>::quiet_NaN()}}};
  const std::string text = to_openmetrics({metric});
  CHECK(text.find("covey_x{a=\"1\"} +Inf\n") != std::string::npos);
  CHECK(text.find("covey_x{a=\"2\"} -Inf\n") != std::string::npos);
  CHECK(text.find("covey_x{a=\"3\"} NaN\n") != std::string::npos);
}

TEST_CASE("large counters keep every digit that a double can hold") {
  const Metric metric{"covey_x", "X.", MetricType::counter, "", {{{}, 9007199254740992.0}}};
  CHECK(to_openmetrics({metric}).find("covey_x_total 9007199254740992\n") != std::string::npos);
}

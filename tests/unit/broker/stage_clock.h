/* SPDX-License-Identifier: Apache-2.0 */
/* stage_clock: common/clock.h for these tests: the real time, and what a test has let pass. */
#ifndef SIGNET_TESTS_STAGE_CLOCK_H
#define SIGNET_TESTS_STAGE_CLOCK_H

#include <stdint.h>

extern int64_t stage_passed_ms;

#endif

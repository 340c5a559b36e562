/* tests/net/harness.h: a libuv loop for a test: run until something happened, at the end check that nothing is left. */
#ifndef PARLEY_TESTS_NET_HARNESS_H
#define PARLEY_TESTS_NET_HARNESS_H

#include <stdbool.h>
#include <uv.h>

#define HARNESS_DEADLINE_S 180u /* far more than anything here takes: this machine may be slow */

uv_loop_t *harness_loop_new(void);

/* Runs the loop until *happened; fails the test when it does not within the deadline, or when nothing is left that could. */
void harness_run_until(uv_loop_t *loop, const bool *happened);

/* Runs what is left to its end (closing handles), and fails the test if a handle stays. */
void harness_loop_free(uv_loop_t *loop);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* log: one line `time level program key=value …` on standard error, written with one write(2).
 * Only the edges log (http.c/pipeline.c, conn.c, reload.c, main.c); libraries return errors instead.
 * Control characters and newlines in the text become '?', so a client cannot forge a line. Lines are cut at 4
 * KiB. Never pass a request line, a query value, a password, a key or a secret. Thread-safe. */
#ifndef SIGNET_COMMON_LOG_H
#define SIGNET_COMMON_LOG_H

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };

void log_init(const char *program, enum log_level least); /* before threads start */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_DEBUG_LEVEL, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR_LEVEL, __VA_ARGS__)

#endif

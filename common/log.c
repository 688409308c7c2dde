/* SPDX-License-Identifier: Apache-2.0 */
/* The time stamp is taken here rather than from clock.h: it has milliseconds, and a line says when it was
 * written even in a test that links another clock. */
#include "common/log.h"

#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, PROGRAM_MAX = 32 };

static const char *const level_names[] = {
        [LOG_DEBUG_LEVEL] = "debug",
        [LOG_INFO_LEVEL] = "info",
        [LOG_WARN_LEVEL] = "warn",
        [LOG_ERROR_LEVEL] = "error",
};

/* Written once by log_init, before there are threads. */
static char program_name[PROGRAM_MAX] = "signet";
static enum log_level least_level = LOG_INFO_LEVEL;

void log_init(const char *program, enum log_level least)
{
        snprintf(program_name, sizeof program_name, "%s", program);
        least_level = least;
}

/* A cut may leave the first bytes of a UTF-8 character; they go, so that the line stays well formed. */
static size_t whole_characters(const char *line, size_t len)
{
        size_t at = len;

        while (at > 0 && len - at < 3 && ((unsigned char)line[at - 1] & 0xc0) == 0x80)
                at--;
        return at > 0 && (unsigned char)line[at - 1] >= 0xc0 ? at - 1 : len;
}

/* One line stays one line, and nothing in it steers a terminal: ASCII and C1 controls (U+0080 to U+009F)
 * become '?', and so does every byte over 127 of a line that is not UTF-8. */
static void make_harmless(char *line, size_t len)
{
        bool utf8 = text_is_utf8(line, len);

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)line[i];

                if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
                        line[i] = '?';
                } else if (c == 0xc2 && (unsigned char)line[i + 1] < 0xa0) {
                        line[i++] = '?';
                        line[i] = '?';
                }
        }
}

static size_t write_prefix(enum log_level level, char *line, size_t size)
{
        struct timespec now;
        struct tm utc;
        char stamp[sizeof "2024-01-01T00:00:00"];
        int len;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        if (strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
                stamp[0] = '\0';
        len = snprintf(line, size, "%s.%03dZ %s %s ", stamp, (int)(now.tv_nsec / 1000000), level_names[level],
                       program_name);
        return len > 0 ? (size_t)len : 0;
}

void log_write(enum log_level level, const char *format, ...)
{
        char line[LINE_MAX_BYTES];
        int saved = errno;
        size_t len, room;
        va_list args;
        int wanted;

        if (level < least_level)
                return;
        len = write_prefix(level, line, sizeof line);
        room = sizeof line - len; /* the terminating NUL's place is the line feed's in the end */
        errno = saved;            /* for %m */
        va_start(args, format);
        wanted = vsnprintf(line + len, room, format, args);
        va_end(args);
        if (wanted > 0 && (size_t)wanted < room)
                len += (size_t)wanted;
        else if (wanted > 0)
                len = whole_characters(line, sizeof line - 1);
        make_harmless(line, len);
        line[len++] = '\n';
        while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
                ;
        errno = saved;
}

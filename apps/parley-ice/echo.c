#include "apps/parley-ice/echo.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void say(parley_pc *pc, parley_channel channel, const char *word, uint32_t number)
{
	char message[32];
	snprintf(message, sizeof message, "%s %u", word, (unsigned)number);
	(void)parley_pc_send(pc, channel, false, message,
			     strlen(message)); /* if not: its end is on the way as an event */
}

static bool all_answered(const echo *e)
{
	return e->count && e->answered == e->count;
}

void echo_send(echo *e, uint64_t now, parley_pc *pc, parley_channel channel)
{
	if (e->done || e->sent > e->answered)
		return;
	if (all_answered(e)) {
		e->done = true;
		say(pc, channel, "done", e->answered);
		return;
	}
	e->sent_at = now;
	say(pc, channel, "ping", ++e->sent);
}

static void take_answer(echo *e, uint64_t now, uint32_t number)
{
	if (number != e->answered + 1 || number > e->sent) {
		e->wrong++;
		return;
	}
	uint64_t rtt = now - e->sent_at;
	if (!e->answered || rtt < e->least_us)
		e->least_us = rtt;
	if (rtt > e->most_us)
		e->most_us = rtt;
	e->total_us += rtt;
	e->answered++;
}

void echo_receive(echo *e, uint64_t now, parley_pc *pc, parley_channel channel, slice message)
{
	slice word;
	uint32_t number;
	if (!scan_token(&message, ' ', &word) || !scan_u32(message, UINT32_MAX, &number)) {
		e->wrong++;
	} else if (slice_equal_string(word, "ping")) {
		e->wrong += number != ++e->echoed;
		say(pc, channel, "pong", number);
	} else if (slice_equal_string(word, "pong")) {
		take_answer(e, now, number);
	} else if (slice_equal_string(word, "done")) {
		e->peer_done = true;
	} else {
		e->wrong++;
	}
}

bool echo_is_over(const echo *e)
{
	return e->done && e->peer_done;
}

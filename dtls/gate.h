/*
 * dtls/gate.h: a look at each record of a handshake before OpenSSL sees it (RFC 6347 4.1, 4.2.2).
 *
 * Until keys are agreed nothing is authenticated, and one record that OpenSSL dislikes ends its handshake for good.
 * The gate drops what a genuine peer has no reason to send, so that OpenSSL never meets it. What is encrypted passes:
 * OpenSSL drops it silently when the tag is wrong. Pure functions, no state.
 */
#ifndef PARLEY_DTLS_GATE_H
#define PARLEY_DTLS_GATE_H

#include "base/bytes.h"

typedef enum {
	DTLS_GATE_PASS,
	DTLS_GATE_ALERT, /* an alert in the clear: *alert is its description (RFC 5246 7.2), 255 if it has none */
	DTLS_GATE_DROP,	 /* *reason says why; static */
} dtls_gate_verdict;

typedef struct {
	slice record; /* with its header */
	bool clear;   /* epoch 0: nothing about it is authenticated */
	const char *reason;
	uint8_t alert;
} dtls_gate_record;

/* Takes the first record off *datagram (not empty) and judges it for the role of its receiver. A record that is cut off
 * takes all that is left. */
dtls_gate_verdict dtls_gate_next(slice *datagram, bool client, dtls_gate_record *out);

#endif

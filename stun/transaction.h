/*
 * stun/transaction.h: one STUN client transaction (RFC 8489 6.2): retransmission, response matching, failure.
 *
 * Not here: encoding (stun/build.h), who is asked and why (ice/). Time is monotonic microseconds. A transaction
 * allocates nothing; the request's bytes stay the caller's, unchanged, until it ends. {0} is an idle transaction.
 *
 *   IDLE -> WAITING -> ANSWERED | TIMED_OUT;  stun_txn_reset makes it IDLE from anywhere
 */
#ifndef PARLEY_STUN_TRANSACTION_H
#define PARLEY_STUN_TRANSACTION_H

#include "stun/message.h"

/* RFC 8489 6.2.1: 500 ms, but ICE paces by its own rules (RFC 8445 14.3), so it is an argument. */
#define STUN_RTO_INITIAL_US 500000u
#define STUN_RETRANSMITS_MAX 7u	      /* Rc: times the request is sent in all */
#define STUN_FINAL_WAIT_RTOS 16u      /* Rm: after the last one, in units of the initial RTO */
#define STUN_STREAM_WAIT_US 39500000u /* Ti over TCP and TLS, sent once (RFC 8489 6.2.2) */

typedef enum { STUN_TXN_IDLE, STUN_TXN_WAITING, STUN_TXN_ANSWERED, STUN_TXN_TIMED_OUT } stun_txn_state;

typedef struct {
	stun_txn_state state;
	slice request;
	stun_id id;
	uint16_t method;
	bool send_due;	    /* the request leaves on the next poll_transmit */
	unsigned sends;	    /* times it has left */
	unsigned sends_max; /* times it will leave at most */
	uint64_t wait_us;   /* from the next sending until the one after it; doubles */
	uint64_t final_us;  /* from the last sending until it timed out */
	uint64_t sent_at;   /* when it last left; answered_at - sent_at is the round trip if sends == 1 (Karn) */
	uint64_t answered_at;
	uint64_t due; /* next deadline while WAITING */
} stun_txn;

/* Begins. The request leaves on the next poll_transmit. Returns PARLEY_EINVAL if txn is not idle, request is not a STUN
 * request, or rto_us is 0. */
int stun_txn_start(stun_txn *txn, uint64_t now, slice request, uint64_t rto_us);
/* The same with the sendings in all (Rc > 0) and the final wait as arguments. Over TCP or TLS a request leaves
 * once: 1 and STUN_STREAM_WAIT_US. */
int stun_txn_start_with(stun_txn *txn, uint64_t now, slice request, uint64_t rto_us, unsigned sends_max,
			uint64_t final_us);
/* Ends without a word and makes it idle; a late response then matches nothing. */
void stun_txn_reset(stun_txn *txn);

/*
 * True, and the state is then ANSWERED, if msg answers this request: same id and method, success or error, integrity
 * valid under key (RFC 8489 9.1.4). A message that fails the check is left alone, so that a forger cannot end the
 * wait. An empty key asks for no integrity: for requests sent without, and for responses that need not have it
 * (stun_is_challenge).
 */
bool stun_txn_receive(stun_txn *txn, uint64_t now, const stun_message *msg, slice key);

/* The request leaves again on the next poll_transmit, before its time: one of its sendings in all. Nothing happens if
 * they are used up. */
void stun_txn_hurry(stun_txn *txn);

void stun_txn_timeout(stun_txn *txn, uint64_t now);
uint64_t stun_txn_deadline(const stun_txn *txn); /* TIME_NEVER unless WAITING */
/* Copies the request into out, whose capacity must suffice. False if it is not its time. */
bool stun_txn_poll_transmit(stun_txn *txn, uint64_t now, packet *out);

const char *stun_txn_state_name(stun_txn_state state);
void stun_txn_check_invariants(const stun_txn *txn);

#endif

#include "stun/transaction.h"

#include <assert.h>
#include <string.h>

#include "base/time.h"
#include "stun/auth.h"

const char *stun_txn_state_name(stun_txn_state state)
{
	static const char *const NAMES[] = {"idle", "waiting", "answered", "timed-out"};
	return NAMES[state];
}

static void set_state(stun_txn *txn, stun_txn_state to)
{
	assert(to == STUN_TXN_WAITING ? txn->state == STUN_TXN_IDLE : txn->state == STUN_TXN_WAITING);
	txn->state = to;
	txn->send_due = to == STUN_TXN_WAITING;
}

int stun_txn_start_with(stun_txn *txn, uint64_t now, slice request, uint64_t rto_us, unsigned sends_max,
			uint64_t final_us)
{
	stun_message m;
	if (txn->state != STUN_TXN_IDLE || rto_us == 0 || sends_max == 0 || stun_parse(request, &m) != 0 ||
	    m.class != STUN_REQUEST)
		return PARLEY_EINVAL;
	*txn = (stun_txn){
		.request = request,
		.id = m.id,
		.method = m.method,
		.sends_max = sends_max,
		.wait_us = rto_us,
		.final_us = final_us,
		.due = now,
	};
	set_state(txn, STUN_TXN_WAITING);
	return 0;
}

int stun_txn_start(stun_txn *txn, uint64_t now, slice request, uint64_t rto_us)
{
	uint64_t final_us = rto_us < TIME_NEVER / STUN_FINAL_WAIT_RTOS ? rto_us * STUN_FINAL_WAIT_RTOS : TIME_NEVER;
	return stun_txn_start_with(txn, now, request, rto_us, STUN_RETRANSMITS_MAX, final_us);
}

void stun_txn_reset(stun_txn *txn)
{
	memset(txn, 0, sizeof *txn);
}

bool stun_txn_receive(stun_txn *txn, uint64_t now, const stun_message *msg, slice key)
{
	if (txn->state != STUN_TXN_WAITING || (msg->class != STUN_SUCCESS && msg->class != STUN_ERROR) ||
	    msg->method != txn->method || !stun_id_equal(&msg->id, &txn->id))
		return false;
	if (txn->sends == 0)
		return false; /* an answer to what was never asked */
	if (key.len > 0 && stun_check_integrity(msg, key) != 0)
		return false;
	txn->answered_at = now;
	set_state(txn, STUN_TXN_ANSWERED);
	return true;
}

void stun_txn_hurry(stun_txn *txn)
{
	if (txn->state == STUN_TXN_WAITING && txn->sends < txn->sends_max)
		txn->send_due = true;
}

void stun_txn_timeout(stun_txn *txn, uint64_t now)
{
	if (txn->state != STUN_TXN_WAITING || txn->send_due || now < txn->due)
		return;
	if (txn->sends < txn->sends_max)
		txn->send_due = true;
	else
		set_state(txn, STUN_TXN_TIMED_OUT);
}

uint64_t stun_txn_deadline(const stun_txn *txn)
{
	return txn->state == STUN_TXN_WAITING ? txn->due : TIME_NEVER;
}

bool stun_txn_poll_transmit(stun_txn *txn, uint64_t now, packet *out)
{
	if (!txn->send_due)
		return false;
	assert(out->capacity >= txn->request.len);
	memcpy(out->data, txn->request.data, txn->request.len);
	out->len = txn->request.len;
	txn->send_due = false;
	txn->sends++;
	txn->sent_at = now;
	txn->due = time_after(now, txn->sends < txn->sends_max ? txn->wait_us : txn->final_us);
	txn->wait_us = txn->wait_us < TIME_NEVER / 2 ? txn->wait_us * 2 : TIME_NEVER;
	return true;
}

void stun_txn_check_invariants(const stun_txn *txn)
{
	assert(txn->sends <= txn->sends_max);
	assert(!txn->send_due || txn->state == STUN_TXN_WAITING);
	assert(!txn->send_due || txn->sends < txn->sends_max);
	assert((stun_txn_deadline(txn) != TIME_NEVER) == (txn->state == STUN_TXN_WAITING));
	assert(txn->state != STUN_TXN_ANSWERED || (txn->sends > 0 && txn->answered_at >= txn->sent_at));
	(void)txn;
}

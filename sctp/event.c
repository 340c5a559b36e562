#include "sctp/internal.h"

#define RUN_OF(n) LIST_ENTRY(n, sctp_run, node)

sctp_run *sctp_event_new(sctp_event_type type, size_t size)
{
	sctp_run *run = sctp_run_new(size);
	if (run)
		run->event.type = type;
	return run;
}

void sctp_event_push(sctp_association *a, sctp_run *run)
{
	a->event_cost += run->cost;
	list_append(&a->events, &run->node);
}

void sctp_tell_streams(sctp_association *a, int error)
{
	a->event_streams = true;
	a->streams_error = error;
}

/* The receive window opens as messages are taken; a peer that was told of a small one must hear of it (RFC 9260 6.2). */
static void reopen_window(sctp_association *a)
{
	uint32_t quarter = a->window.size / 4;
	if (a->state >= SCTP_ESTABLISHED && a->announced_window < quarter &&
	    sctp_a_rwnd(a) >= a->announced_window + quarter)
		a->send_sack = true;
}

static void release_current(sctp_association *a)
{
	sctp_run *run = a->current;
	if (!run)
		return;
	a->current = NULL;
	a->event_cost -= run->cost;
	bool message = run->cost > 0;
	a->window.read += run->cost;
	sctp_reassembly_release(&a->reassembly, run);
	if (message)
		reopen_window(a);
}

void sctp_events_clear(sctp_association *a)
{
	release_current(a);
	for (list_node *n; (n = list_pop(&a->events));) {
		a->current = RUN_OF(n);
		release_current(a);
	}
}

static bool poll_flag(bool *flag, sctp_event_type type, sctp_event *event)
{
	if (!*flag)
		return false;
	*flag = false;
	event->type = type;
	return true;
}

/* Parts are cut as late as here: the slower the owner, the fewer they are. */
static void give_parts(sctp_association *a)
{
	list_node deliver;
	list_init(&deliver);
	sctp_reassembly_give(&a->reassembly, &deliver);
	sctp_deliver(a, &deliver);
}

static bool poll_queued(sctp_association *a, sctp_event *event)
{
	if (list_empty(&a->events))
		give_parts(a);
	list_node *n = list_pop(&a->events);
	if (!n)
		return false;
	a->current = RUN_OF(n);
	*event = a->current->event;
	a->stats.messages_received += event->type == SCTP_EVENT_MESSAGE ||
				      (event->type == SCTP_EVENT_MESSAGE_PART && event->last && !event->aborted);
	return true;
}

static bool poll_sending(sctp_association *a, sctp_event *event)
{
	sctp_message *m = sctp_send_queue_poll_failed(&a->queue);
	if (m) {
		*event = (sctp_event){.type = SCTP_EVENT_SEND_FAILED, .stream = m->stream_id, .ppid = m->ppid};
		a->stats.messages_abandoned++;
		sctp_message_release(&a->queue, m);
		return true;
	}
	sctp_stream_out *s = sctp_send_queue_poll_low(&a->queue);
	if (s)
		*event = (sctp_event){.type = SCTP_EVENT_BUFFERED_LOW, .stream = s->id};
	return s;
}

bool sctp_poll_event(sctp_association *a, sctp_event *event)
{
	release_current(a);
	*event = (sctp_event){0};
	if (poll_flag(&a->event_streams, SCTP_EVENT_STREAMS_CHANGED, event)) {
		event->error = a->streams_error;
		return true;
	}
	if (poll_flag(&a->event_restarted, SCTP_EVENT_RESTARTED, event) ||
	    poll_flag(&a->event_connected, SCTP_EVENT_CONNECTED, event) || poll_queued(a, event) ||
	    poll_sending(a, event))
		return true;
	if (!poll_flag(&a->event_closed, SCTP_EVENT_CLOSED, event))
		return false;
	event->error = a->end_error;
	event->reason = a->end_reason;
	return true;
}

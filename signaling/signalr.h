/*
 * signaling/signalr.h: the messages of SignalR's JSON hub protocol, version 1 (dotnet/aspnetcore, HubProtocol.md).
 *
 * A WebSocket message holds one or more records, each a JSON object ended by 0x1E. The first record of each side is the
 * handshake, all others are messages with a type. Unknown types and unknown fields are ignored, headers too. What a record
 * means in which state is the business of signaling/client.h and signaling/hub.h.
 */
#ifndef PARLEY_SIGNALING_SIGNALR_H
#define PARLEY_SIGNALING_SIGNALR_H

#include "signaling/json.h"

#define SIGNALR_RECORD_END 0x1e
#define SIGNALR_PING_INTERVAL_US (15 * UINT64_C(1000000))     /* ping after so long without sending */
#define SIGNALR_TIMEOUT_US (30 * UINT64_C(1000000))	      /* give up after so long without receiving */
#define SIGNALR_HANDSHAKE_TIMEOUT_US (15 * UINT64_C(1000000)) /* the server's patience for the first record */
#define SIGNALR_ID_MAX 128u				      /* bytes of an invocation id */
#define SIGNALR_TARGET_MAX 128u				      /* bytes of a method name */

typedef enum {
	SIGNALR_UNKNOWN = 0, /* a type this page of the protocol does not name: ignore the record */
	SIGNALR_INVOCATION = 1,
	SIGNALR_STREAM_ITEM = 2,
	SIGNALR_COMPLETION = 3,
	SIGNALR_STREAM_INVOCATION = 4,
	SIGNALR_CANCEL_INVOCATION = 5,
	SIGNALR_PING = 6,
	SIGNALR_CLOSE = 7,
	SIGNALR_ACK = 8,
	SIGNALR_SEQUENCE = 9,
} signalr_type;

/*
 * One message, the same for both directions. To send: fill what the type has and leave the rest zero; strings are plain
 * UTF-8, arguments/result/item JSON text. Received: the same, owned by the message until signalr_message_clear, and
 * argument() gives access to the parsed arguments.
 */
typedef struct {
	signalr_type type;
	bool has_id, has_result, has_error;
	slice id; /* invocationId */
	slice target;
	slice arguments; /* JSON array */
	slice result;	 /* JSON: result of a completion, item of a stream item */
	slice error;
	bool allow_reconnect;
	uint64_t sequence_id;
	/* Received messages only; private. */
	json_document document;
	buf strings;
} signalr_message;

/* Take the first record (without its 0x1E) off *payload. False: none left; then *payload is empty, or lacks a 0x1E. */
bool signalr_next_record(slice *payload, slice *record);
/* PARLEY_EPROTO: not a message (not JSON, a field of the wrong type, a needed one missing); PARLEY_ELIMIT; PARLEY_ENOMEM.
 * The record's text must outlive the message. On an error there is nothing to clear. */
int signalr_decode(signalr_message *m, slice record);
void signalr_message_clear(signalr_message *m);
size_t signalr_argument_count(const signalr_message *m);
json_value signalr_argument(const signalr_message *m, size_t index);
/* Append one record with its 0x1E. PARLEY_EINVAL: a type that cannot be sent. On an error out is unchanged. */
int signalr_encode(buf *out, const signalr_message *m);

/* The handshake. version is 1 here; PARLEY_EPROTO: not a handshake request at all. */
typedef struct {
	char protocol[32];
	int64_t version;
} signalr_handshake;

int signalr_write_handshake_request(buf *out);
int signalr_read_handshake_request(signalr_handshake *h, slice record);
int signalr_write_handshake_response(buf *out, const char *error); /* error NULL: accepted */
/* 0: accepted. PARLEY_EREFUSED, and the server's words in error (cut to fit); PARLEY_EPROTO; PARLEY_ENOMEM. */
int signalr_read_handshake_response(slice record, char *error, size_t capacity);

#endif

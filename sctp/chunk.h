/*
 * sctp/chunk.h: what is inside an SCTP packet (RFC 9260 3): one walker for chunks, parameters and error causes, and plain
 * structs for the chunks, decoded with all checks that need no association, and encoded.
 *
 * Slices in decoded structs borrow from the packet. Decoders return false for malformed chunks and then have changed
 * nothing that matters. Encoders write to a writer; running out of room shows in its `bad`.
 */
#ifndef PARLEY_SCTP_CHUNK_H
#define PARLEY_SCTP_CHUNK_H

#include "base/bytes.h"

#define SCTP_TLV_HEADER 4u     /* chunk, parameter, cause: type and length (RFC 9260 3.2) */
#define SCTP_DATA_HEADER 16u   /* RFC 9260 3.3.1 */
#define SCTP_I_DATA_HEADER 20u /* RFC 8260 2.1 */

enum sctp_chunk_type { /* RFC 9260 3.2, RFC 3758 3.2, RFC 6525 3.1, RFC 8260 2.1, 2.3.1 */
		       SCTP_CHUNK_DATA = 0,
		       SCTP_CHUNK_INIT = 1,
		       SCTP_CHUNK_INIT_ACK = 2,
		       SCTP_CHUNK_SACK = 3,
		       SCTP_CHUNK_HEARTBEAT = 4,
		       SCTP_CHUNK_HEARTBEAT_ACK = 5,
		       SCTP_CHUNK_ABORT = 6,
		       SCTP_CHUNK_SHUTDOWN = 7,
		       SCTP_CHUNK_SHUTDOWN_ACK = 8,
		       SCTP_CHUNK_ERROR = 9,
		       SCTP_CHUNK_COOKIE_ECHO = 10,
		       SCTP_CHUNK_COOKIE_ACK = 11,
		       SCTP_CHUNK_SHUTDOWN_COMPLETE = 14,
		       SCTP_CHUNK_I_DATA = 64,
		       SCTP_CHUNK_RECONFIG = 130,
		       SCTP_CHUNK_PAD = 132, /* RFC 4820 3 */
		       SCTP_CHUNK_FORWARD_TSN = 192,
		       SCTP_CHUNK_I_FORWARD_TSN = 194,
};

/* What to do with an unknown chunk or parameter: the two highest bits of its type say (RFC 9260 3.2, 3.2.1). */
#define SCTP_CHUNK_SKIP_BIT 0x80u
#define SCTP_CHUNK_REPORT_BIT 0x40u
#define SCTP_PARAM_SKIP_BIT 0x8000u
#define SCTP_PARAM_REPORT_BIT 0x4000u

#define SCTP_FLAG_END 0x01u /* DATA, I-DATA */
#define SCTP_FLAG_BEGIN 0x02u
#define SCTP_FLAG_UNORDERED 0x04u
#define SCTP_FLAG_IMMEDIATE 0x08u
#define SCTP_FLAG_TAG_REFLECTED 0x01u /* ABORT, SHUTDOWN COMPLETE: the T bit */

enum sctp_param_type {
	SCTP_PARAM_HEARTBEAT_INFO = 1,
	SCTP_PARAM_STATE_COOKIE = 7,
	SCTP_PARAM_UNRECOGNIZED = 8,
	SCTP_PARAM_OUTGOING_RESET = 13, /* RFC 6525 4.1-4.6 */
	SCTP_PARAM_INCOMING_RESET = 14,
	SCTP_PARAM_TSN_RESET = 15,
	SCTP_PARAM_RECONFIG_RESPONSE = 16,
	SCTP_PARAM_ADD_OUTGOING = 17,
	SCTP_PARAM_ADD_INCOMING = 18,
	SCTP_PARAM_ZERO_CHECKSUM = 0x8001,	  /* RFC 9653 4 */
	SCTP_PARAM_PAD = 0x8005,		  /* RFC 4820 4 */
	SCTP_PARAM_SUPPORTED_EXTENSIONS = 0x8008, /* RFC 5061 4.2.7 */
	SCTP_PARAM_FORWARD_TSN = 0xc000,	  /* RFC 3758 3.1 */
};

enum sctp_cause_code { /* RFC 9260 3.3.10 */
		       SCTP_CAUSE_INVALID_STREAM = 1,
		       SCTP_CAUSE_MISSING_PARAM = 2,
		       SCTP_CAUSE_STALE_COOKIE = 3,
		       SCTP_CAUSE_OUT_OF_RESOURCE = 4,
		       SCTP_CAUSE_UNRECOGNIZED_CHUNK = 6,
		       SCTP_CAUSE_INVALID_PARAM = 7,
		       SCTP_CAUSE_UNRECOGNIZED_PARAM = 8,
		       SCTP_CAUSE_NO_USER_DATA = 9,
		       SCTP_CAUSE_COOKIE_WHILE_SHUTDOWN = 10,
		       SCTP_CAUSE_USER_ABORT = 12,
		       SCTP_CAUSE_PROTOCOL_VIOLATION = 13,
};

enum sctp_reconfig_result { /* RFC 6525 4.4 */
			    SCTP_RESULT_NOTHING_TO_DO = 0,
			    SCTP_RESULT_PERFORMED = 1,
			    SCTP_RESULT_DENIED = 2,
			    SCTP_RESULT_WRONG_SSN = 3,
			    SCTP_RESULT_ALREADY_IN_PROGRESS = 4,
			    SCTP_RESULT_BAD_SEQUENCE = 5,
			    SCTP_RESULT_IN_PROGRESS = 6,
};

/* A chunk's type and flags are the two bytes of `type`; a parameter's or cause's type is `type` itself. */
typedef struct {
	uint16_t type;
	slice value; /* without the header and padding */
	slice whole; /* with the header, without padding */
} sctp_tlv;

static inline uint8_t sctp_chunk_type_of(const sctp_tlv *t)
{
	return (uint8_t)(t->type >> 8);
}

static inline uint8_t sctp_chunk_flags_of(const sctp_tlv *t)
{
	return (uint8_t)t->type;
}

/*
 * The next one, past its padding; the last one's padding may be missing. False at the end, or when what is left is
 * malformed (a length below 4 or beyond the end): then r->bad is set too.
 */
bool sctp_tlv_next(reader *r, sctp_tlv *out);
bool sctp_tlvs_valid(slice s); /* to the end */
/* The first of the type, or false. */
bool sctp_tlv_find(slice s, uint16_t type, sctp_tlv *out);

/* Chunk or parameter being written: begin returns where, end fills the length in and pads. */
size_t sctp_chunk_begin(writer *w, uint8_t type, uint8_t flags);
size_t sctp_param_begin(writer *w, uint16_t type);
void sctp_tlv_end(writer *w, size_t at);
void sctp_write_chunk(writer *w, uint8_t type, uint8_t flags, slice value);
void sctp_write_param(writer *w, uint16_t type, slice value); /* also a cause */

#define SCTP_DETECTION_DTLS 1u /* RFC 9653 4: the error detection method that makes the checksum needless */

typedef struct {	    /* what an endpoint announces in INIT or INIT ACK */
	bool forward_tsn;   /* RFC 3758 */
	bool reconfig;	    /* RFC 6525 */
	bool i_data;	    /* RFC 8260 */
	bool i_forward_tsn; /* RFC 8260 2.3.1 */
	bool zero_checksum; /* RFC 9653: takes packets without one, as DTLS protects them */
} sctp_features;

#define SCTP_WINDOW_MIN 1500u /* bytes: the least a_rwnd of INIT and INIT ACK (RFC 9260 3.3.2) */
#define SCTP_UNRECOGNIZED_MAX 4u

typedef struct { /* INIT and INIT ACK (RFC 9260 3.3.2, 3.3.3) */
	uint32_t tag, window, initial_tsn;
	uint16_t streams_out, streams_in;
	sctp_features features;
	bool has_cookie;
	slice cookie;
	slice unrecognized[SCTP_UNRECOGNIZED_MAX]; /* whole parameters to report */
	size_t unrecognized_count;
} sctp_init;

bool sctp_init_decode(slice value, sctp_init *init);
/* The unrecognized ones wrapped (RFC 9260 3.3.3.1). */
void sctp_init_encode(writer *w, uint8_t type, const sctp_init *init);

typedef struct {
	bool interleaved; /* I-DATA, else DATA */
	bool unordered, begin, end, immediate;
	uint16_t stream;
	uint32_t tsn;
	uint32_t ppid; /* I-DATA: only if begin, else 0 */
	uint32_t mid;  /* message identifier; DATA: the stream sequence number, 16 bits */
	uint32_t fsn;  /* I-DATA: fragment sequence number, 0 if begin; DATA: 0 */
	slice payload; /* may be empty, which the receiver must refuse */
} sctp_data;

bool sctp_data_decode(const sctp_tlv *chunk, sctp_data *data); /* of either type */
void sctp_data_encode(writer *w, const sctp_data *data);

typedef struct {
	uint16_t start, end; /* offsets from the cumulative TSN, inclusive */
} sctp_gap;

typedef struct {
	uint32_t cumulative_tsn, window;
	size_t gap_count, duplicate_count;
	slice gaps, duplicates; /* wire bytes */
} sctp_sack;

/* Also checks that gap blocks ascend without touching and start above 0 (RFC 9260 3.3.4). */
bool sctp_sack_decode(slice value, sctp_sack *sack);
sctp_gap sctp_sack_gap(const sctp_sack *sack, size_t i);
uint32_t sctp_sack_duplicate(const sctp_sack *sack, size_t i); /* TSN */

typedef struct {
	uint16_t stream;
	bool unordered; /* I-FORWARD TSN only */
	uint32_t mid;	/* the last one skipped; FORWARD TSN: stream sequence number, 16 bits */
} sctp_skipped;

typedef struct {
	bool interleaved; /* I-FORWARD TSN, else FORWARD TSN */
	uint32_t new_cumulative_tsn;
	size_t count;
	slice streams; /* wire bytes */
} sctp_forward_tsn;

bool sctp_forward_tsn_decode(const sctp_tlv *chunk, sctp_forward_tsn *forward); /* of either type */
size_t sctp_skipped_size(bool interleaved);					/* bytes of an entry */
void sctp_forward_tsn_encode(writer *w, bool interleaved, uint32_t new_cumulative_tsn, const sctp_skipped *skipped,
			     size_t count);
sctp_skipped sctp_forward_tsn_stream(const sctp_forward_tsn *forward, size_t i);

typedef struct { /* the parameters of RE-CONFIG; which fields count depends on type */
	uint16_t type;
	uint32_t request;	     /* sequence number; of the answered request in RECONFIG_RESPONSE */
	uint32_t response, last_tsn; /* OUTGOING_RESET */
	uint32_t result;	     /* RECONFIG_RESPONSE */
	bool has_tsns;		     /* RECONFIG_RESPONSE: the two below */
	uint32_t sender_next, receiver_next;
	uint16_t added;	     /* ADD_OUTGOING, ADD_INCOMING: streams */
	size_t stream_count; /* OUTGOING_RESET, INCOMING_RESET; 0: all streams */
	slice streams;	     /* wire bytes */
} sctp_reconfig_param;

bool sctp_reconfig_decode(const sctp_tlv *param, sctp_reconfig_param *out);
uint16_t sctp_reconfig_stream(const sctp_reconfig_param *param, size_t i);

typedef struct {
	uint32_t request, result;
	bool has_tsns; /* to TSN_RESET, if performed: the two below */
	uint32_t sender_next, receiver_next;
} sctp_reconfig_response;

#define SCTP_RECONFIG_RESPONSE_MAX 20u /* bytes */

void sctp_reconfig_response_encode(writer *w, const sctp_reconfig_response *response);

const char *sctp_chunk_name(uint8_t type);  /* "DATA", ...; NULL if unknown */
const char *sctp_cause_name(uint16_t code); /* in words; NULL if unknown */

#endif

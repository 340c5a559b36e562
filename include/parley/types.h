/*
 * parley/types.h: the few types that every part of Parley's API shares: errors, addresses, time, randomness.
 *
 * Included by parley/core.h and parley/parley.h; needs nothing but the C library.
 */
#ifndef PARLEY_TYPES_H
#define PARLEY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Errors. Every function that can fail returns 0 (or a count >= 0) or one of these.
 * -1xx: the caller's call was wrong; -2xx: the peer or the network; -3xx: this machine.
 */
enum parley_error {
	PARLEY_EINVAL = -101,	    /* an argument is malformed or out of range */
	PARLEY_ESTATE = -102,	    /* not allowed in the object's present state */
	PARLEY_ENOTFOUND = -103,    /* no such channel, candidate, media section, ... */
	PARLEY_EMSGSIZE = -104,	    /* a message is larger than the peer or the buffer takes */
	PARLEY_ELIMIT = -105,	    /* a documented limit is reached; try again when the queue has drained */
	PARLEY_EUNSUPPORTED = -106, /* valid, but not implemented here */
	PARLEY_EPROTO = -201,	    /* the peer's bytes break their protocol */
	PARLEY_EAUTH = -202,	    /* a check of identity failed: integrity, fingerprint, certificate */
	PARLEY_ETIMEDOUT = -203,    /* the peer did not answer in time */
	PARLEY_ECLOSED = -204,	    /* the connection is closed */
	PARLEY_EREFUSED = -205,	    /* the peer refuses: connection refused, HTTP status, hub error */
	PARLEY_ERESOLVE = -206,	    /* a name has no address */
	PARLEY_EUNREACHABLE = -207, /* no route to the address */
	PARLEY_ENOMEM = -301,	    /* out of memory */
	PARLEY_ECRYPTO = -302,	    /* the crypto library failed */
	PARLEY_EIO = -303,	    /* the operating system failed a socket, file or timer call */
};

/* One line of English for an error (or for 0), never NULL. The string is static. */
const char *parley_strerror(int error);

/* Time is monotonic microseconds of the caller's choosing; PARLEY_NEVER as a deadline means none. */
#define PARLEY_NEVER UINT64_MAX

/* A transport address (RFC 8445 4): IP, port and protocol. The bytes of ip are in network order, the port in host order. IPv4 uses
 * ip[0..3] and the rest is zero, so that two equal addresses are equal in all bytes. */
enum parley_family { PARLEY_ADDR_NONE = 0, PARLEY_IPV4 = 4, PARLEY_IPV6 = 6 };
enum parley_transport { PARLEY_UDP = 0, PARLEY_TCP = 1 };

typedef struct {
	uint8_t family;	   /* enum parley_family */
	uint8_t transport; /* enum parley_transport */
	uint8_t ip[16];
	uint16_t port;
	uint32_t scope; /* interface index of an IPv6 link-local address, else 0 */
} parley_addr;

/* A source of random bytes. fill writes len bytes to out and returns 0, or a negative error and then out is not used. */
typedef struct {
	int (*fill)(void *context, uint8_t *out, size_t len);
	void *context;
} parley_random;

#ifdef __cplusplus
}
#endif
#endif

/*
 * sdp/internal.h: what the files of sdp/ share: the arena, the parser's state, building descriptions.
 */
#ifndef PARLEY_SDP_INTERNAL_H
#define PARLEY_SDP_INTERNAL_H

#include "sdp/sdp.h"

/* --- arena.c --- */

/* An empty description, or NULL. */
sdp_session *sdp_new(void);
/* Zeroed memory that lives as long as the session, or NULL. */
void *sdp_alloc(sdp_session *session, size_t size);
/*
 * Appends a zeroed item to an array in the arena and returns it; NULL, with the array as before, when out of memory.
 * The capacity is not stored: it is the count rounded up to a power of two.
 */
#define SDP_PUSH(session, items, count) sdp_push(session, (void *)&(items), &(count), sizeof *(items))
void *sdp_push(sdp_session *session, void *items, size_t *count, size_t size);
int sdp_copy(sdp_session *session, slice s, slice *out);
int sdp_push_slice(sdp_session *session, sdp_slices *list, slice s); /* not copied */

/* --- error.c --- */

/* For "%.*s" in an error's text: as much of s as fits it well. */
#define SDP_WORD(s) (int)((s).len > 40 ? 40 : (s).len), (s).len ? (const char *)(s).data : ""

/* Fill *error (which may be NULL) and return code. What is not printable ASCII becomes '?'. */
int sdp_fail(sdp_error *error, int code, unsigned line, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* --- parse.c and attribute.c --- */

typedef struct {
	sdp_session *session;
	sdp_media *media; /* the last section; NULL: still at session level */
	slice attribute;  /* the a= line at hand, without "a=" */
	unsigned line;
	sdp_error *error;
} sdp_parser;

#define SDP_REFUSE(p, ...) sdp_fail((p)->error, PARLEY_EPROTO, (p)->line, __VA_ARGS__)

/* One a= line, without "a=". */
int sdp_parse_attribute(sdp_parser *p, slice attribute);
/* Exactly count words, each separated by one space and none empty. */
bool sdp_split(slice in, slice *words, size_t count);

/* --- session.c --- */

bool sdp_is_data(const sdp_media *media);     /* a data channel section as RFC 8841 has it, rejected or not */
bool sdp_is_dtls_rtp(const sdp_media *media); /* audio or video under a profile of RFC 8829 5.1.2 */
sdp_codec *sdp_find_codec(const sdp_media *media, uint32_t payload_type);
bool sdp_is_candidate(slice line); /* "candidate:..." and nothing that would break the line */

/* --- build.c --- */

/* Makes a description from copied pieces; the first failure sticks in `error`, and what follows does nothing. */
typedef struct {
	sdp_session *session;
	int error;
} sdp_builder;

/* Starts with the session level (RFC 8829 5.2.1). PARLEY_EINVAL if local lacks ufrag, pwd or fingerprint. */
sdp_builder sdp_build(const sdp_local *local);
/*
 * A new section with the kind, media, proto and mid of `like`, on port 0, that is: rejected; NULL on failure. The
 * formats are not copied. Every further function does nothing when media is NULL.
 */
sdp_media *sdp_build_media(sdp_builder *b, const sdp_media *like);
/* The bare formats of `like`: what the m= line of a rejected section still needs. */
void sdp_build_formats(sdp_builder *b, sdp_media *media, const sdp_media *like);
/* name, clock rate, channels and fmtp; no rtcp-fb. */
void sdp_build_codec(sdp_builder *b, sdp_media *media, const sdp_codec *codec);
void sdp_build_extmap(sdp_builder *b, sdp_media *media, const sdp_extmap *extmap);
/* Accept: port 9 and the transport attributes. */
void sdp_build_transport(sdp_builder *b, sdp_media *media, const sdp_local *local, sdp_setup setup);
void sdp_build_data(sdp_builder *b, sdp_media *media, const sdp_local *local);
/* The BUNDLE group of the accepted sections, in the order of these mids, or if NULL in that of the sections. */
void sdp_build_bundle(sdp_builder *b, const sdp_slices *order);
/* Candidates and default address into the section that speaks for the transport; then hands the description over, or
 * frees it and returns the error. */
int sdp_build_end(sdp_builder *b, const sdp_local *local, sdp_session **out);

#endif

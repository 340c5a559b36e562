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
sdp_direction sdp_reversed(sdp_direction direction); /* as the other end sees it */
bool sdp_is_token(slice s);			     /* of attribute.c: RFC 8866 9, token */
bool sdp_is_candidate(slice line);		     /* "candidate:..." and nothing that would break the line */

/* --- codec.c --- */

/* RFC 8285 5: the ids above are placeholders of an offer with too many; 1..14 fit one-byte headers (4.2). */
#define SDP_EXTENSION_ID_MAX 255u
#define SDP_EXTENSION_ID_SHORT_MAX 14u

/* As a description has it, with rtpmap and without rtcp-fb; borrows the texts. */
sdp_codec sdp_codec_of(const sdp_local_codec *codec);
int sdp_extension_of(slice uri); /* an sdp_extension; -1: not one of them */
/* Its first line under an id that packets can have, or NULL. */
const sdp_extmap *sdp_find_extmap(const sdp_media *media, sdp_extension extension);
/* The sdp_feedback that the section has for a codec of it. */
unsigned sdp_feedback_of(const sdp_media *media, const sdp_codec *codec);
/* The text of a set's index-th member, in the order in which browsers print them; NULL: it has fewer. */
const char *sdp_feedback_text(unsigned set, size_t index);
/* As sdp_local_codec in sdp.h tells; rtx matches rtx for the same payload type. */
bool sdp_codecs_match(const sdp_codec *a, const sdp_codec *b);
/* The codec that matches: under the same payload type if there is one, else the first. NULL: none. */
const sdp_codec *sdp_find_match(const sdp_media *media, const sdp_codec *codec);
bool sdp_is_rtx(const sdp_codec *codec);
const sdp_codec *sdp_find_rtx(const sdp_media *media, uint8_t payload_type);
/*
 * RFC 6184 8.2.2: without level asymmetry the answer's level is the lower one. Sets *fmtp (ours) to a copy in the arena
 * if the offered fmtp lowers it.
 */
int sdp_h264_lower_level(sdp_session *session, slice offered, slice *fmtp);

/* --- payload.c --- */

/*
 * The payload types and extension ids of a bundle: each is one codec, or one extension, in all sections (RFC 8843
 * 10.1.2), and stays it from one offer to the next (RFC 3264 8.3.2). Borrows the codecs noted.
 */
typedef struct {
	struct {
		const sdp_codec *codec; /* the last one noted; NULL: free */
		bool offered;		/* it is in the offer being made, so that its fmtp counts too */
	} types[128];
	uint8_t extension_ids[SDP_EXTENSION_COUNT]; /* 0: none yet */
	bool id_taken[SDP_EXTENSION_ID_SHORT_MAX + 1];
} sdp_numbers;

/* Note what a description uses, so that it is not given to others; NULL: nothing. Later ones win. */
void sdp_numbers_note(sdp_numbers *numbers, const sdp_session *session);
/*
 * The payload type for a codec in one section: that of before (in the sections of last time; each may be NULL), else
 * that of the same codec in another section, else codec->payload_type, else any that is free. taken: those that the
 * section has already. -1: none is left. sdp_numbers_offer makes the choice final.
 */
int sdp_numbers_type(const sdp_numbers *numbers, const sdp_codec *codec, const sdp_media *before[2],
		     const bool taken[128]);
void sdp_numbers_offer(sdp_numbers *numbers, const sdp_codec *codec);
/* The id for a new section, at most 14; 0: none is left. */
uint8_t sdp_numbers_extension(sdp_numbers *numbers, sdp_extension extension);

/* --- build.c and build_rtp.c --- */

#define SDP_APT_MAX 8u /* "apt=127" and its NUL */

/* Makes a description from copied pieces; the first failure sticks in `error`, and what follows does nothing. */
typedef struct {
	sdp_session *session;
	int error;
} sdp_builder;

/* Starts with the session level (RFC 8829 5.2.1). PARLEY_EINVAL if local lacks ufrag, pwd or fingerprint. */
sdp_builder sdp_build(const sdp_local *local);
/* A copy of the text; empty on failure. */
slice sdp_build_text(sdp_builder *b, slice s);
void sdp_build_item(sdp_builder *b, sdp_slices *list, slice s); /* copied */
/*
 * A new section with the kind, media, proto and mid of `like`, on port 0, that is: rejected; NULL on failure. The
 * formats are not copied. Every further function does nothing when media is NULL.
 */
sdp_media *sdp_build_media(sdp_builder *b, const sdp_media *like);
/* The bare formats of `like`: what the m= line of a rejected section still needs. */
void sdp_build_formats(sdp_builder *b, sdp_media *media, const sdp_media *like);
/* name, clock rate, channels and fmtp, with the feedback given. The copy, valid until the next one; NULL: failed. */
sdp_codec *sdp_build_codec(sdp_builder *b, sdp_media *media, const sdp_codec *codec, unsigned feedback);
void sdp_build_extmap(sdp_builder *b, sdp_media *media, const sdp_extmap *extmap);
/* Accept: port 9 and the transport attributes. */
void sdp_build_transport(sdp_builder *b, sdp_media *media, const sdp_local *local, sdp_setup setup);
void sdp_build_data(sdp_builder *b, sdp_media *media, const sdp_local *local);
/* PARLEY_EINVAL if local media ask for what no description may have. */
int sdp_check_local_media(const sdp_local *local);
/* The media of this mid, which may be empty; NULL: none. */
sdp_local_media *sdp_local_media_of(const sdp_local *local, slice mid);
/* The rtx (RFC 4588) for the codec of this payload type. */
sdp_codec sdp_rtx_of(const sdp_codec *base, uint8_t payload_type, char apt[SDP_APT_MAX]);
/* One more simulcast layer to receive, with the id and restrictions of `like`. */
void sdp_build_layer(sdp_builder *b, sdp_media *media, const sdp_rid *like);
/* Direction; when it sends, msid and sources. What once had msid lines keeps them (RFC 8829 5.2.2), and its sources as browsers do:
 * Chromium shows nothing more of a video whose sources went and came back. */
void sdp_build_direction(sdp_builder *b, sdp_media *media, const sdp_local_media *local, sdp_direction direction,
			 bool had_msid);
/* The BUNDLE group of the accepted sections, in the order of these mids, or if NULL in that of the sections. */
void sdp_build_bundle(sdp_builder *b, const sdp_slices *order);
/* Candidates and default address into the section that speaks for the transport; then hands the description over, or
 * frees it and returns the error. */
int sdp_build_end(sdp_builder *b, const sdp_local *local, sdp_session **out);

#endif

/*
 * tests/unit/sdp_support.h: descriptions for the tests of sdp/: captures of browsers, and small ones written in
 * place.
 */
#ifndef PARLEY_TESTS_SDP_SUPPORT_H
#define PARLEY_TESTS_SDP_SUPPORT_H

#include "sdp/sdp.h"

/*
 * In tests/data/sdp, without ".sdp": Chromium 156 and Firefox ESR 153, recorded between the two and with
 * themselves.
 */
extern const char *const sdp_captures[];
extern const size_t sdp_capture_count;

/* The text of a capture, in static memory until the next call; fails the test if it cannot be read. */
slice sdp_capture_text(const char *name);
/* Parsed, or the test fails with the parser's reason. */
sdp_session *sdp_capture(const char *name);
sdp_session *sdp_of_text(const char *text);

/* The session level that the small descriptions begin with: three lines and t=. */
#define SDP_HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define SDP_TEST_TRANSPORT                                                            \
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:actpass\r\n" \
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"      \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
#define SDP_TEST_DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=sctp-port:5000\r\n"

/* Something to put into descriptions; the texts are static. */
sdp_local sdp_test_local(void);
/* A camera or a microphone of ours, with everything by default; mid may be "". The texts are static. */
sdp_local_media sdp_test_media(sdp_kind kind, const char *mid);
/* Does the printed description have this part? */
bool sdp_prints(const sdp_session *session, const char *part);
/* Printed, in memory the caller clears; the limit is generous. */
buf sdp_printed(const sdp_session *session);

#endif

/*
 * bench/ends/ceiling_end.c: an end (bench/ends/traffic.h) that does nothing but what no data channel can do without: DTLS 1.2 records of
 * AES-128-GCM (RFC 5246 6.2.3.3), one in each UDP datagram of 1,200 bytes, by OpenSSL's EVP with a key that both ends know; segmented
 * and joined by the kernel (GSO, GRO). Nothing is sent again: what arrives counts. Each end has a processor of its own.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "bench/ends/sockets.h"
#include "bench/ends/traffic.h"

#define DATAGRAM 1200u
#define BATCH 50u /* datagrams in a system call: what fits into 64 KiB */
#define BATCH_BYTES (1u << 16)
#define SOCKET_BUFFER (4 << 20)

#define HEADER 13u /* type, version, epoch and sequence number, length */
#define NUMBER_AT 3u
#define NUMBER_LEN 8u
#define NONCE_LEN 8u /* the explicit part: epoch and sequence number again */
#define SALT_LEN 4u
#define TAG_LEN 16u
#define PAYLOAD (DATAGRAM - HEADER - NONCE_LEN - TAG_LEN)
#define APPLICATION_DATA 23u
#define DTLS_1_2 0xfefdu

typedef struct {
	EVP_CIPHER_CTX *cipher;
	bool seals;
	uint8_t nonce[SALT_LEN + NONCE_LEN];
} protection;

static void protection_init(protection *p, bool seals)
{
	static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8};
	*p = (protection){.cipher = EVP_CIPHER_CTX_new(), .seals = seals};
	socket_must(p->cipher && EVP_CipherInit_ex(p->cipher, EVP_aes_128_gcm(), NULL, key, NULL, seals), "cipher");
}

/* number: epoch and sequence number. What comes out may be where it was. */
static bool protect(protection *p, const uint8_t *number, const uint8_t *in, uint8_t *out, uint8_t *tag)
{
	uint8_t additional[HEADER];
	int len;
	writer w = writer_of(additional, sizeof additional);
	write_bytes(&w, slice_of(number, NUMBER_LEN));
	write_u8(&w, APPLICATION_DATA);
	write_u16(&w, DTLS_1_2);
	write_u16(&w, PAYLOAD);
	memcpy(p->nonce + SALT_LEN, number, NONCE_LEN);
	return EVP_CipherInit_ex(p->cipher, NULL, NULL, NULL, p->nonce, p->seals) &&
	       EVP_CipherUpdate(p->cipher, NULL, &len, additional, sizeof additional) &&
	       EVP_CipherUpdate(p->cipher, out, &len, in, PAYLOAD) &&
	       (p->seals || EVP_CIPHER_CTX_ctrl(p->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag)) &&
	       EVP_CipherFinal_ex(p->cipher, out + PAYLOAD, &len) &&
	       (!p->seals || EVP_CIPHER_CTX_ctrl(p->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag));
}

static void seal(protection *p, uint64_t number, const uint8_t *payload, uint8_t *record)
{
	writer w = writer_of(record, HEADER + NONCE_LEN);
	write_u8(&w, APPLICATION_DATA);
	write_u16(&w, DTLS_1_2);
	write_u64(&w, number);
	write_u16(&w, DATAGRAM - HEADER);
	write_u64(&w, number);
	uint8_t *text = record + HEADER + NONCE_LEN;
	socket_must(protect(p, record + NUMBER_AT, payload, text, text + PAYLOAD), "seal");
}

/* NULL: not authentic. */
static const uint8_t *open_in_place(protection *p, uint8_t *record)
{
	uint8_t *text = record + HEADER + NONCE_LEN;
	return protect(p, record + NUMBER_AT, text, text, text + PAYLOAD) ? text : NULL;
}

static void use_processor(unsigned number)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(number, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static int new_socket(const traffic_options *options)
{
	int fd = socket_new(options, SOCK_DGRAM);
	int bytes = SOCKET_BUFFER, one = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	socket_must(options->is_sender || !setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one), "UDP_GRO");
	return fd;
}

static void send_batch(int fd, uint8_t *bytes, size_t len)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {0};
	struct iovec part = {bytes, len};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof control.bytes};
	struct cmsghdr *segment = CMSG_FIRSTHDR(&message);
	segment->cmsg_level = IPPROTO_UDP;
	segment->cmsg_type = UDP_SEGMENT;
	segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	memcpy(CMSG_DATA(segment), &(uint16_t){DATAGRAM}, sizeof(uint16_t));
	while (sendmsg(fd, &message, 0) < 0)
		socket_must(errno == EAGAIN || errno == ENOBUFS || errno == EINTR, "sendmsg");
}

static void run_sender(const traffic_options *options)
{
	static uint8_t batch[BATCH * DATAGRAM];
	static traffic_source source;
	struct sockaddr_in peer = {0};
	protection p;
	int fd = new_socket(options);
	use_processor(0);
	protection_init(&p, true);
	traffic_say("ready");
	socket_await("connect", &peer);
	socket_must(connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0, "connect");
	traffic_say("open 0");
	socket_await("go", &peer);
	traffic_source_init(&source, options, TRAFFIC_BULK);
	for (;; send_batch(fd, batch, sizeof batch)) {
		for (size_t at = 0; at < sizeof batch; at += DATAGRAM, traffic_source_advance(&source)) {
			traffic_source_fill(&source);
			seal(&p, source.next, source.bytes, batch + at);
		}
	}
}

static void run_receiver(const traffic_options *options)
{
	static uint8_t batch[BATCH_BYTES];
	static traffic_meter meter;
	protection p;
	int fd = new_socket(options);
	use_processor(1);
	protection_init(&p, false);
	traffic_meter_init(&meter, options, true);
	socket_set_tick(fd);
	socket_say_address(fd);
	traffic_say("ready");
	for (;; traffic_meter_tick(&meter)) {
		ssize_t n = recv(fd, batch, sizeof batch, 0);
		socket_must(n >= 0 || errno == EAGAIN || errno == EINTR, "recv");
		for (ssize_t at = 0; at + (ssize_t)DATAGRAM <= n; at += DATAGRAM) {
			const uint8_t *payload = open_in_place(&p, batch + at);
			if (payload)
				traffic_meter_take(&meter, TRAFFIC_BULK, payload, PAYLOAD);
		}
	}
}

int main(int argc, char **argv)
{
	traffic_die_with_parent();
	traffic_options options = traffic_read_options(argc, argv);
	options.size[TRAFFIC_BULK] = PAYLOAD;
	if (options.is_sender)
		run_sender(&options);
	else
		run_receiver(&options);
	return 0;
}

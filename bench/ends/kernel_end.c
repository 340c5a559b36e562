/*
 * bench/ends/kernel_end.c: an end of a measured connection (bench/ends/traffic.h) over the kernel's own transports: TLS 1.3 on TCP with
 * AES-128-GCM, TCP alone, and UDP, whose messages are a probe of the path. It has one stream: PACED if there is a size for it.
 * What the receiver says by "signal" is its address and port.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "bench/ends/sockets.h"
#include "bench/ends/traffic.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS 1e6
#define RECEIVE_BUFFER (1u << 20)
#define CERTIFICATE_SECONDS 3600

typedef struct {
	traffic_options options;
	traffic_stream stream;
	bool is_udp;
	int fd;
	SSL *ssl; /* NULL: plain */
} end;

/* --- TLS --- */

static void use_new_certificate(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	socket_must(key && certificate, "key");
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_SECONDS);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void start_tls(end *e)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	socket_must(context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
			    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"),
		    "TLS");
	if (!e->options.is_sender)
		use_new_certificate(context);
	SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
	e->ssl = SSL_new(context);
	SSL_set_fd(e->ssl, e->fd);
	socket_must((e->options.is_sender ? SSL_connect(e->ssl) : SSL_accept(e->ssl)) == 1, "TLS handshake");
	SSL_CTX_free(context);
}

/* --- sending --- */

static int new_socket(const end *e)
{
	const char *congestion = e->options.congestion;
	int fd = socket_new(&e->options, e->is_udp ? SOCK_DGRAM : SOCK_STREAM);
	if (!e->is_udp)
		socket_must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)),
			    congestion);
	return fd;
}

static void connect_end(end *e, const struct sockaddr_in *peer)
{
	int one = 1;
	e->fd = new_socket(e);
	socket_must(connect(e->fd, (const struct sockaddr *)peer, sizeof *peer) == 0, "connect");
	if (!e->is_udp)
		socket_must(!setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
	if (strcmp(e->options.transport, "tls") == 0)
		start_tls(e);
}

static void send_all(const end *e, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = e->ssl ? SSL_write(e->ssl, bytes, (int)len) : send(e->fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0 && e->is_udp)
			return;
		socket_must(n > 0, "send");
		bytes += n;
		len -= (size_t)n;
	}
}

static void wait_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void run_sender(end *e)
{
	static traffic_source source;
	struct sockaddr_in peer = {0};
	traffic_say("ready");
	socket_await("connect", &peer);
	uint64_t began = traffic_now_ns();
	connect_end(e, &peer);
	traffic_say("open %.3f", (double)(traffic_now_ns() - began) / NS_PER_MS);
	socket_await("go", &peer);
	traffic_source_init(&source, &e->options, e->stream);
	prctl(PR_SET_TIMERSLACK, 1); /* ns */
	for (;; traffic_source_advance(&source)) {
		if (source.interval_ns)
			wait_until(source.due_ns);
		traffic_source_fill(&source);
		send_all(e, source.bytes, source.size);
	}
}

/* --- receiving --- */

static void accept_end(end *e)
{
	int fd = new_socket(e);
	socket_must(e->is_udp || listen(fd, 1) == 0, "listen");
	socket_say_address(fd);
	traffic_say("ready");
	e->fd = e->is_udp ? fd : accept(fd, NULL, NULL);
	socket_must(e->fd >= 0, "accept");
	if (strcmp(e->options.transport, "tls") == 0)
		start_tls(e);
}

/* 0: nothing came within the tick. */
static size_t receive(const end *e, uint8_t *bytes, size_t max)
{
	ssize_t n = e->ssl ? SSL_read(e->ssl, bytes, (int)max) : recv(e->fd, bytes, max, 0);
	if (n > 0)
		return (size_t)n;
	socket_must(n < 0 && (errno == EAGAIN || errno == EINTR), "the other end has gone");
	return 0;
}

/* Gives the meter the whole messages among the bytes; returns how many bytes they are. */
static size_t take_messages(const end *e, traffic_meter *meter, const uint8_t *bytes, size_t len)
{
	size_t size = e->options.size[e->stream], taken = 0;
	if (e->is_udp) {
		traffic_meter_take(meter, e->stream, bytes, len);
		return len;
	}
	for (; len - taken >= size; taken += size)
		traffic_meter_take(meter, e->stream, bytes + taken, size);
	return taken;
}

static void run_receiver(end *e)
{
	static uint8_t bytes[RECEIVE_BUFFER];
	static traffic_meter meter;
	size_t have = 0;
	traffic_meter_init(&meter, &e->options, e->is_udp);
	accept_end(e);
	socket_set_tick(e->fd);
	for (;; traffic_meter_tick(&meter)) {
		size_t n = receive(e, bytes + have, sizeof bytes - have);
		if (!n)
			continue;
		have += n;
		size_t taken = take_messages(e, &meter, bytes, have);
		have -= taken;
		memmove(bytes, bytes + taken, have);
	}
}

int main(int argc, char **argv)
{
	static end e;
	traffic_die_with_parent();
	e.options = traffic_read_options(argc, argv);
	e.stream = e.options.size[TRAFFIC_PACED] ? TRAFFIC_PACED : TRAFFIC_BULK;
	e.is_udp = strcmp(e.options.transport, "udp") == 0;
	if (e.options.is_sender)
		run_sender(&e);
	else
		run_receiver(&e);
	return 0;
}

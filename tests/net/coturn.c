#include "tests/net/coturn.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/udp.h"
#include "tests/net/harness.h"
#include "tests/support/test.h"

#define RETRY_US 20000u /* between two looks whether it listens */

static void no_datagram(void *me, net_udp *udp, const net_datagrams *datagram)
{
	(void)me;
	(void)udp;
	(void)datagram;
}

/* Two that are free now. */
static void choose_ports(coturn *c)
{
	parley_addr any = addr_ipv4(127, 0, 0, 1, 0);
	net_udp *first, *second;
	assert_int_equal(net_udp_open(c->loop, &any, no_datagram, c, &first), 0);
	assert_int_equal(net_udp_open(c->loop, &any, no_datagram, c, &second), 0);
	c->port = net_udp_local(first)->port;
	c->tls_port = net_udp_local(second)->port;
	net_udp_close(first);
	net_udp_close(second);
}

static void process_ended(uv_process_t *process, int64_t status, int signal)
{
	(void)status;
	(void)signal;
	coturn *c = process->data;
	c->ended = true;
	uv_close((uv_handle_t *)process, NULL);
}

/* It ends with the test, also if that crashes. */
static void spawn(coturn *c)
{
	char port[48], tls_port[48], database[192], pid_file[192], certificate[160], key[160];
	snprintf(port, sizeof port, "--listening-port=%u", c->port);
	snprintf(tls_port, sizeof tls_port, "--tls-listening-port=%u", c->tls_port);
	snprintf(database, sizeof database, "--userdb=%s", c->database);
	snprintf(pid_file, sizeof pid_file, "--pidfile=%s", c->pid_file);
	snprintf(certificate, sizeof certificate, "--cert=%s", c->certificate.certificate);
	snprintf(key, sizeof key, "--pkey=%s", c->certificate.key);
	char *arguments[] = {"setpriv",
			     "--pdeathsig",
			     "KILL",
			     "turnserver",
			     "-n",
			     port,
			     tls_port,
			     database,
			     pid_file,
			     certificate,
			     key,
			     "--listening-ip=127.0.0.1",
			     "--relay-ip=127.0.0.1",
			     "--allow-loopback-peers",
			     "--no-cli",
			     "--no-dtls",
			     "--log-file=/dev/null",
			     "--realm=test",
			     "--lt-cred-mech",
			     "--user=" COTURN_USER ":" COTURN_PASSWORD,
			     "--fingerprint",
			     NULL};
	uv_process_options_t options = {.file = "setpriv", .args = arguments, .exit_cb = process_ended};
	c->ended = false;
	c->process.data = c;
	assert_int_equal(uv_spawn(c->loop, &c->process, &options), 0);
}

/* --- until it listens --- */

typedef struct {
	coturn *server;
	uint16_t port;
	net_timer *retry;
	bool listens;
} look;

static void look_again(void *me);

static void look_opened(void *me, net_stream *stream)
{
	look *l = me;
	l->listens = true;
	net_stream_release(stream);
}

static void look_closed(void *me, net_stream *stream, int error, const char *why)
{
	(void)stream;
	(void)error;
	look *l = me;
	if (l->server->ended)
		fail_msg("coturn ended: %s", why);
	net_timer_set(l->retry, net_now() + RETRY_US);
}

static void look_again(void *me)
{
	static const net_stream_callbacks callbacks = {.on_open = look_opened, .on_close = look_closed};
	look *l = me;
	net_stream *stream;
	assert_int_equal(net_stream_connect(l->server->loop, "127.0.0.1", l->port, NULL, &callbacks, l, &stream), 0);
}

static void wait_for(coturn *c, uint16_t port)
{
	look l = {.server = c, .port = port};
	l.retry = net_timer_new(c->loop, look_again, &l);
	look_again(&l);
	harness_run_until(c->loop, &l.listens);
	net_timer_free(l.retry);
}

/* --- */

static void run(coturn *c)
{
	spawn(c);
	wait_for(c, c->port);
	wait_for(c, c->tls_port);
}

static void end(coturn *c)
{
	uv_process_kill(&c->process, SIGKILL);
	harness_run_until(c->loop, &c->ended);
}

void coturn_start(coturn *c, uv_loop_t *loop)
{
	*c = (coturn){.loop = loop};
	test_certificate_make(&c->certificate, "IP:127.0.0.1");
	snprintf(c->database, sizeof c->database, "%s/database", c->certificate.folder);
	snprintf(c->pid_file, sizeof c->pid_file, "%s/pid", c->certificate.folder);
	choose_ports(c);
	run(c);
}

void coturn_restart(coturn *c)
{
	end(c);
	run(c);
}

void coturn_stop(coturn *c)
{
	end(c);
	unlink(c->database);
	unlink(c->pid_file);
	test_certificate_remove(&c->certificate);
}

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "peer/internal.h"

/* A ClientHello comes in two datagrams when it offers post-quantum shares; and once more. */
#define EARLY_HELLOS_MAX 4u
#define EARLY_HELLO_SIZE_MAX 1500u

/* RFC 6347 4.1, 4.3.2: a record of the handshake, in epoch 0, that begins with (a part of) a ClientHello */
#define RECORD_HEADER 13u
#define RECORD_EPOCH_AT 3u
#define CONTENT_HANDSHAKE 22u
#define MESSAGE_CLIENT_HELLO 1u

typedef struct {
	parley_addr local, remote;
	size_t len;
	uint8_t data[EARLY_HELLO_SIZE_MAX];
} early_hello;

struct early_hellos {
	early_hello kept[EARLY_HELLOS_MAX]; /* oldest first */
	size_t count;
};

static bool is_client_hello(slice datagram)
{
	reader r = reader_of(datagram);
	uint8_t content = read_u8(&r);
	read_skip(&r, RECORD_EPOCH_AT - 1);
	uint16_t epoch = read_u16(&r);
	read_skip(&r, RECORD_HEADER - RECORD_EPOCH_AT - sizeof epoch);
	uint8_t message = read_u8(&r);
	return !r.bad && content == CONTENT_HANDSHAKE && epoch == 0 && message == MESSAGE_CLIENT_HELLO;
}

static void drop_oldest(parley_core *core, early_hellos *early)
{
	early->count--;
	memmove(early->kept, early->kept + 1, early->count * sizeof *early->kept);
	core->packets_dropped++;
}

bool early_keep(parley_core *core, const parley_addr *local, const parley_addr *remote, slice datagram)
{
	if (core->dtls_started || datagram.len > EARLY_HELLO_SIZE_MAX || !is_client_hello(datagram))
		return false;
	if (!core->early && !(core->early = calloc(1, sizeof *core->early)))
		return false;
	if (core->early->count == EARLY_HELLOS_MAX)
		drop_oldest(core, core->early);
	early_hello *hello = &core->early->kept[core->early->count++];
	hello->local = *local;
	hello->remote = *remote;
	hello->len = datagram.len;
	memcpy(hello->data, datagram.data, datagram.len);
	return true;
}

void early_believe(parley_core *core)
{
	early_hellos *early = core->early;
	if (!early || !core->dtls_started)
		return;
	core->early = NULL;
	for (size_t i = 0; i < early->count; i++) {
		const early_hello *hello = &early->kept[i];
		if (!ice_is_validated(core->ice, &hello->local, &hello->remote) ||
		    dtls_receive(core->dtls, core->now, slice_of(hello->data, hello->len)))
			core->packets_dropped++;
	}
	free(early);
}

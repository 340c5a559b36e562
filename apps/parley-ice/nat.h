/*
 * apps/parley-ice/nat.h: what the NATs on the way do (RFC 5780): asked of each STUN server from each address of this machine.
 */
#ifndef PARLEY_APPS_ICE_NAT_H
#define PARLEY_APPS_ICE_NAT_H

#include "apps/parley-ice/tool.h"

typedef struct nat nat;

/* Something has been reported: it may have been the last. */
typedef void nat_on_news(void *me);

/* NULL: out of memory. */
nat *nat_new(tool *t, nat_on_news *on_news, void *me);
bool nat_is_done(const nat *n);
void nat_free(nat *n); /* NULL is allowed */

#endif

/*
 * stun/stun.h: STUN (RFC 8489, 5389) and the messages of TURN (RFC 8656), without I/O. What other folders include.
 *
 *   message.h      bytes -> stun_message, a plain struct whose slices borrow from the packet
 *   build.h        stun_begin, stun_put_*: a message into a writer
 *   auth.h         keys, MESSAGE-INTEGRITY and FINGERPRINT checks
 *   credentials.h  a client's long-term credentials: the answer to 401 and 438
 *   transaction.h  one client transaction in virtual time
 *   behaviour.h    what NATs do, found out with a server's help (RFC 5780)
 *   channel.h      TURN ChannelData, and cutting a TCP stream into units
 *   ping.h         Binding requests to a server, for tools
 *   print.h        names, and one line of text for traces
 *
 * A server or an ICE agent handles a packet in this order: stun_parse (drop what is malformed), stun_check_fingerprint
 * if it uses fingerprints, stun_check_integrity, then unknown_count (answer 420 to a request), then its own rules.
 */
#ifndef PARLEY_STUN_STUN_H
#define PARLEY_STUN_STUN_H

#include "stun/auth.h"
#include "stun/behaviour.h"
#include "stun/build.h"
#include "stun/channel.h"
#include "stun/credentials.h"
#include "stun/message.h"
#include "stun/ping.h"
#include "stun/print.h"
#include "stun/transaction.h"

#endif

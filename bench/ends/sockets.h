/* bench/ends/sockets.h: IPv4 sockets of ends that are not Parley's, and how such ends find each other: the receiver says its address by "signal". */
#ifndef PARLEY_BENCH_ENDS_SOCKETS_H
#define PARLEY_BENCH_ENDS_SOCKETS_H

#include <netinet/in.h>

#include "bench/ends/traffic.h"

/* Ends the program with a line on stderr, what errno says included, if it is not good. */
void socket_must(bool good, const char *what);

/* SOCK_STREAM or SOCK_DGRAM, bound to the address of the options at any port. */
int socket_new(const traffic_options *options, int type);

/* Says the address that it is bound to. */
void socket_say_address(int fd);

/* A receiver's: never waits long for data, so that its meter can tick. */
void socket_set_tick(int fd);

/* Reads lines until the word; the address that "signal" told before it goes to *peer. Ends the program at the end of stdin. */
void socket_await(const char *word, struct sockaddr_in *peer);

#endif

/*
 * net/turn.h: one call from the loop's next turn: for what must not happen within the present call, and to let the sockets
 * have theirs before work goes on. Unlike a timer of 0 ms it never waits when asked for from its own callback.
 */
#ifndef PARLEY_NET_TURN_H
#define PARLEY_NET_TURN_H

struct uv_loop_s;

typedef struct net_turn net_turn;

/* NULL: out of memory. on_turn may ask for another turn, or free it. */
net_turn *net_turn_new(struct uv_loop_s *loop, void (*on_turn)(void *me), void *me);

void net_turn_request(net_turn *turn); /* twice is once */
void net_turn_free(net_turn *turn);    /* NULL is allowed */

#endif

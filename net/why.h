/* net/why.h: the size of the lines that say, for people, why something in net/ failed. */
#ifndef PARLEY_NET_WHY_H
#define PARLEY_NET_WHY_H

#define NET_WHY_MAX 256u /* with the NUL; longer ones are cut */

#endif

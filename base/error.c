#include "parley/types.h"

const char *parley_strerror(int error)
{
	if (error >= 0)
		return "success";
	switch ((enum parley_error)error) {
	case PARLEY_EINVAL:
		return "invalid argument";
	case PARLEY_ESTATE:
		return "not allowed in this state";
	case PARLEY_ENOTFOUND:
		return "not found";
	case PARLEY_EMSGSIZE:
		return "message too large";
	case PARLEY_ELIMIT:
		return "limit reached";
	case PARLEY_EUNSUPPORTED:
		return "not supported";
	case PARLEY_EPROTO:
		return "protocol violation by the peer";
	case PARLEY_EAUTH:
		return "authentication failed";
	case PARLEY_ETIMEDOUT:
		return "timed out";
	case PARLEY_ECLOSED:
		return "closed";
	case PARLEY_EREFUSED:
		return "refused";
	case PARLEY_ERESOLVE:
		return "name not resolved";
	case PARLEY_EUNREACHABLE:
		return "unreachable";
	case PARLEY_ENOMEM:
		return "out of memory";
	case PARLEY_ECRYPTO:
		return "crypto library failure";
	case PARLEY_EIO:
		return "input/output error";
	}
	return "unknown error";
}

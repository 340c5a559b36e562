/*
 * stun/print.h: STUN for people: names, and a message on one line for traces. Passwords and MACs are never printed.
 */
#ifndef PARLEY_STUN_PRINT_H
#define PARLEY_STUN_PRINT_H

#include "base/text.h"
#include "stun/message.h"

const char *stun_class_name(stun_class class);	/* "request", "indication", "success", "error" */
const char *stun_method_name(uint16_t method);	/* "Binding"; "unknown method" for others */
const char *stun_attribute_name(uint16_t type); /* "USERNAME"; NULL for those we do not know */
const char *stun_error_phrase(unsigned code);	/* "Role Conflict"; "Error" for codes we do not know */
/* E.g. "Binding request b7e7a701bc34d686fa87dfae USERNAME=\"evtj:h6vY\" PRIORITY=1845494271 USE-CANDIDATE". */
void stun_print(const stun_message *m, text *t);

#endif

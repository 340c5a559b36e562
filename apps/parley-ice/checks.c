#include "apps/parley-ice/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/json.h"

static void copy(json_value object, const char *member, char *out, size_t capacity)
{
	if (!json_copy(json_member(object, member), out, capacity))
		out[0] = '\0';
}

#define COPY(object, member, field) copy(object, member, field, sizeof(field))

static int64_t integer(json_value object, const char *member)
{
	int64_t value = 0;
	return json_integer(json_member(object, member), 0, INT64_MAX, &value) ? value : 0;
}

/* A JSON number is what strtod reads, but for the locale, which is the C one. */
static bool number(json_value object, const char *member, double *out)
{
	char digits[32];
	slice raw = json_raw(json_member(object, member));
	if (raw.len == 0 || raw.len >= sizeof digits)
		return false;
	memcpy(digits, raw.data, raw.len);
	digits[raw.len] = '\0';
	*out = strtod(digits, NULL);
	return true;
}

static void take_candidate(checks *c, json_value object, bool local)
{
	if (c->candidate_count == CHECKS_CANDIDATES_MAX)
		return;
	check_candidate *k = &c->candidates[c->candidate_count++];
	char related[CHECKS_ADDRESS_MAX - 8];
	k->local = local;
	COPY(object, "id", k->id);
	COPY(object, "candidateType", k->type);
	COPY(object, "protocol", k->protocol);
	COPY(object, "tcpType", k->tcp_type);
	COPY(object, "relayProtocol", k->relay_protocol);
	COPY(object, "address", k->address);
	COPY(object, "url", k->url);
	k->port = (int)integer(object, "port");
	COPY(object, "relatedAddress", related);
	if (*related)
		snprintf(k->related, sizeof k->related, strchr(related, ':') ? "[%s]:%u" : "%s:%u", related,
			 (unsigned)(integer(object, "relatedPort") & UINT16_MAX));
}

static const check_candidate *candidate_of(const checks *c, json_value pair, const char *member)
{
	for (size_t i = 0; i < c->candidate_count; i++)
		if (json_equals(json_member(pair, member), c->candidates[i].id))
			return &c->candidates[i];
	return NULL;
}

static void take_pair(checks *c, json_value object)
{
	check_pair *p = &c->pairs[c->pair_count];
	double seconds;
	if (c->pair_count == CHECKS_PAIRS_MAX)
		return;
	p->local = candidate_of(c, object, "localCandidateId");
	p->remote = candidate_of(c, object, "remoteCandidateId");
	if (!p->local || !p->remote)
		return;
	COPY(object, "id", p->id);
	COPY(object, "state", p->state);
	json_boolean(json_member(object, "nominated"), &p->nominated);
	p->sent = integer(object, "requestsSent");
	p->answered = integer(object, "responsesReceived");
	p->received = integer(object, "requestsReceived");
	p->has_rtt = number(object, "currentRoundTripTime", &seconds);
	p->rtt_ms = p->has_rtt ? seconds * 1e3 : 0;
	c->sent += p->sent;
	c->pair_count++;
}

static void take_transport(checks *c, json_value object)
{
	json_value selected = json_member(object, "selectedCandidatePairId");
	for (size_t i = 0; i < c->pair_count; i++)
		if (json_equals(selected, c->pairs[i].id)) {
			c->pairs[i].selected = true;
			c->selected = &c->pairs[i];
		}
}

/* What refers to others comes after them. */
static void take_all(checks *c, json_value report)
{
	enum { CANDIDATES, PAIRS, TRANSPORT, PASSES };
	for (int pass = CANDIDATES; pass < PASSES; pass++)
		for (size_t i = 0; i < json_count(report); i++) {
			json_value object = json_element(report, i), type = json_member(object, "type");
			bool local = json_equals(type, "local-candidate");
			if (pass == CANDIDATES && (local || json_equals(type, "remote-candidate")))
				take_candidate(c, object, local);
			else if (pass == PAIRS && json_equals(type, "candidate-pair"))
				take_pair(c, object);
			else if (pass == TRANSPORT && json_equals(type, "transport"))
				take_transport(c, object);
		}
}

checks *checks_read(const parley_pc *pc)
{
	char *text;
	json_document document;
	checks *c = calloc(1, sizeof *c);
	if (!c || parley_pc_get_stats_json(pc, &text)) {
		free(c);
		return NULL;
	}
	if (json_parse(&document, slice_from_string(text)) == 0) {
		take_all(c, json_root(&document));
		json_clear(&document);
	}
	parley_free(text);
	return c;
}

const char *check_candidate_print(const check_candidate *c, char out[CHECKS_END_MAX])
{
	const char *form = strchr(c->address, ':') ? "%s %s%s%s [%s]:%d" : "%s %s%s%s %s:%d";
	snprintf(out, CHECKS_END_MAX, form, c->type, c->relay_protocol, *c->relay_protocol ? ">" : "", c->protocol,
		 c->address, c->port);
	return out;
}

/* A candidate line; what is printed of it reads the same again. */
#include <assert.h>
#include <string.h>

#include "ice/candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ice_candidate c, again;
	char line[ICE_CANDIDATE_TEXT], line_again[ICE_CANDIDATE_TEXT];
	if (ice_candidate_parse(slice_of(data, size), &c))
		return 0;
	text t = text_of(line, sizeof line), u = text_of(line_again, sizeof line_again);
	ice_candidate_print(&c, &t);
	assert(!t.bad);
	int err = ice_candidate_parse(slice_of(line, t.len), &again);
	assert(err == 0);
	ice_candidate_print(&again, &u);
	assert(strcmp(line, line_again) == 0);
	assert(ice_candidate_same(&c, &again));
	(void)ice_candidate_is_mdns(&c);
	return 0;
}

/*
 * apps/parley-ice/table.h: the check list while it is worked on: on a terminal a table that is drawn anew in its place, elsewhere a
 * line (or an event) for each pair whose state has changed.
 */
#ifndef PARLEY_APPS_ICE_TABLE_H
#define PARLEY_APPS_ICE_TABLE_H

#include "apps/common/report.h"
#include "apps/parley-ice/checks.h"

typedef struct {
	report *report;
	int drawn; /* lines of the table on the terminal */
	struct {
		char id[CHECKS_ID_MAX];
		char state[CHECKS_WORD_MAX];
		bool nominated;
	} known[CHECKS_PAIRS_MAX]; /* as last reported */
	size_t known_count;
} table;

void table_show(table *t, const checks *c);
/* Takes the drawn table away, so that something else can be printed; the next table_show draws it below. */
void table_hide(table *t);
/* Leaves it standing. */
void table_keep(table *t);

#endif

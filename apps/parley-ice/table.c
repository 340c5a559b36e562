#include "apps/parley-ice/table.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_DEFAULT 24 /* of a terminal that does not tell */
#define COLUMNS_DEFAULT 80
#define ROWS_SPARED 4	  /* for the heading, the line of what is left out, and some of what was above */
#define COLUMNS_OTHERS 42 /* of a line, but for the two ends of the pair */
#define END_MIN 14	  /* columns of an end */
#define END_MAX 46

static const char *mark_of(const check_pair *p)
{
	return p->selected ? "*" : p->nominated ? "n" : " ";
}

/* --- on a terminal --- */

typedef struct {
	int rows, columns;
	int end; /* columns of each of the pair's ends */
} screen;

static int clamp(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

static screen screen_now(void)
{
	struct winsize size;
	screen s = {.rows = ROWS_DEFAULT, .columns = COLUMNS_DEFAULT};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		s = (screen){.rows = size.ws_row, .columns = size.ws_col};
	s.rows = clamp(s.rows - ROWS_SPARED, 1, INT_MAX);
	s.end = clamp((s.columns - COLUMNS_OTHERS) / 2, END_MIN, END_MAX);
	return s;
}

void table_hide(table *t)
{
	if (t->drawn)
		printf("\033[%dA\033[J", t->drawn); /* up, and erased to the end of the screen */
	t->drawn = 0;
}

void table_keep(table *t)
{
	t->drawn = 0;
}

/* A line that is cut where the terminal ends: the table must take as many rows as it has lines. */
static void print_line(const screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_line(const screen *s, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	printf("%.*s\n", s->columns, line);
}

static void draw_pair(const screen *s, const check_pair *p)
{
	char local[CHECKS_END_MAX], remote[CHECKS_END_MAX], rtt[32] = "";
	if (p->has_rtt)
		snprintf(rtt, sizeof rtt, "%.1f ms", p->rtt_ms);
	check_candidate_print(p->local, local);
	check_candidate_print(p->remote, remote);
	print_line(s, "%s %-11s %-*.*s %-*.*s %4lld %4lld %4lld  %s", mark_of(p), p->state, s->end, s->end, local,
		   s->end, s->end, remote, (long long)p->sent, (long long)p->answered, (long long)p->received, rtt);
}

static void draw(table *t, const checks *c)
{
	screen s = screen_now();
	size_t shown = c->pair_count < (size_t)s.rows ? c->pair_count : (size_t)s.rows;
	table_hide(t);
	print_line(&s, "  %-11s %-*s %-*s %4s %4s %4s  %s", "check", s.end, "local", s.end, "remote", "sent", "answ",
		   "recv", "round trip");
	for (size_t i = 0; i < shown; i++)
		draw_pair(&s, &c->pairs[i]);
	t->drawn = (int)shown + 1;
	if (shown < c->pair_count) {
		print_line(&s, "  ... and %zu more", c->pair_count - shown);
		t->drawn++;
	}
	fflush(stdout);
}

/* --- as lines --- */

static bool has_changed(table *t, const check_pair *p)
{
	size_t i = 0;
	while (i < t->known_count && strcmp(t->known[i].id, p->id) != 0)
		i++;
	if (i == CHECKS_PAIRS_MAX)
		return false;
	bool same =
		i < t->known_count && strcmp(t->known[i].state, p->state) == 0 && t->known[i].nominated == p->nominated;
	if (i == t->known_count)
		t->known_count++;
	memcpy(t->known[i].id, p->id, sizeof p->id);
	memcpy(t->known[i].state, p->state, sizeof p->state);
	t->known[i].nominated = p->nominated;
	return !same;
}

static void tell(table *t, const check_pair *p)
{
	char local[CHECKS_END_MAX], remote[CHECKS_END_MAX];
	check_candidate_print(p->local, local);
	check_candidate_print(p->remote, remote);
	report_event(t->report, "check",
		     FIELDS(field_text("id", p->id), field_text("state", p->state),
			    field_boolean("nominated", p->nominated), field_text("local", local),
			    field_text("remote", remote), field_integer("sent", p->sent),
			    field_integer("answered", p->answered), field_integer("received", p->received)),
		     "%-11s %s  -  %s, %lld sent, %lld answered%s", p->state, local, remote, (long long)p->sent,
		     (long long)p->answered, p->nominated ? ", nominated" : "");
}

void table_show(table *t, const checks *c)
{
	if (t->report->terminal && !t->report->json) {
		draw(t, c);
		return;
	}
	for (size_t i = 0; i < c->pair_count; i++)
		if (has_changed(t, &c->pairs[i]))
			tell(t, &c->pairs[i]);
}

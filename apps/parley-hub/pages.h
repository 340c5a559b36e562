/*
 * apps/parley-hub/pages.h: the files of the web page, read into memory once at the start.
 */
#ifndef PARLEY_APPS_HUB_PAGES_H
#define PARLEY_APPS_HUB_PAGES_H

#include "signaling/hub.h"

#define PAGES_MAX 256u
#define PAGES_FILE_MAX (8u * 1024u * 1024u) /* bytes of one file */
#define PAGES_DEPTH_MAX 8u		    /* folders below the root */

typedef struct {
	hub_file *files;
	size_t count;
} pages;

/*
 * Read all regular files below folder; what begins with a dot is left out. "index.html" is served as its folder too. False, and a
 * line in why: the folder or a file cannot be read, or a limit above is passed. Clear in any case.
 */
bool pages_load(pages *p, const char *folder, char why[256]);
/* One file more, served at path. A file that is not there is no error. */
bool pages_add(pages *p, const char *file, const char *path, char why[256]);
void pages_clear(pages *p);

#endif

#include "apps/parley-hub/pages.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *content_type(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".map", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".jpg", "image/jpeg"},
		{".ico", "image/x-icon"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
	};
	const char *ending = strrchr(path, '.');
	for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
		if (strcmp(ending, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

static bool problem(char why[256], const char *file, const char *words)
{
	snprintf(why, 256, "%.180s: %s", file, words);
	return false;
}

static bool read_file(const char *file, size_t size, slice *out, char why[256])
{
	FILE *in = fopen(file, "rb");
	uint8_t *bytes = in ? malloc(size ? size : 1) : NULL;
	if (!bytes || fread(bytes, 1, size, in) != size) {
		problem(why, file, !in ? strerror(errno) : bytes ? "it changed while being read" : "out of memory");
		free(bytes);
		if (in)
			fclose(in);
		return false;
	}
	fclose(in);
	*out = slice_of(bytes, size);
	return true;
}

/* One entry of the table; takes over the bytes. */
static bool append(pages *p, const char *path, slice bytes, char why[256])
{
	if (p->count == PAGES_MAX)
		return problem(why, path, "there are too many files");
	if (!p->files)
		p->files = calloc(PAGES_MAX, sizeof *p->files);
	char *copy = p->files ? strdup(path) : NULL;
	if (!copy)
		return problem(why, path, "out of memory");
	p->files[p->count++] = (hub_file){.path = copy, .content_type = content_type(path), .bytes = bytes};
	return true;
}

static bool add_file(pages *p, const char *file, size_t size, const char *path, char why[256])
{
	slice bytes;
	if (size > PAGES_FILE_MAX)
		return problem(why, file, "the file is too large to be served");
	if (!read_file(file, size, &bytes, why))
		return false;
	if (!append(p, path, bytes, why)) {
		free((void *)bytes.data);
		return false;
	}
	return true;
}

/* "/x/index.html" is what "/x/" means. */
static bool add_index(pages *p, const char *file, size_t size, const char *path, char why[256])
{
	static const char index_name[] = "/index.html";
	size_t len = strlen(path), index_len = sizeof index_name - 1;
	if (len < index_len || strcmp(path + len - index_len, index_name) != 0)
		return true;
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%.*s/", (int)(len - index_len), path);
	if (!add_file(p, file, size, folder, why))
		return false;
	p->files[p->count - 1].content_type = content_type(path);
	return true;
}

static bool load_folder(pages *p, const char *folder, const char *path, size_t depth, char why[256]);

static bool load_entry(pages *p, const char *folder, const char *path, const char *name, size_t depth, char why[256])
{
	char file[PATH_MAX], served[PATH_MAX];
	struct stat info;
	if ((size_t)snprintf(file, sizeof file, "%s/%s", folder, name) >= sizeof file ||
	    (size_t)snprintf(served, sizeof served, "%s/%s", path, name) >= sizeof served)
		return problem(why, folder, "the path is too long");
	if (stat(file, &info))
		return problem(why, file, strerror(errno));
	if (S_ISDIR(info.st_mode))
		return load_folder(p, file, served, depth + 1, why);
	if (!S_ISREG(info.st_mode))
		return true;
	size_t size = (size_t)info.st_size;
	return add_file(p, file, size, served, why) && add_index(p, file, size, served, why);
}

static bool load_folder(pages *p, const char *folder, const char *path, size_t depth, char why[256])
{
	DIR *dir = depth <= PAGES_DEPTH_MAX ? opendir(folder) : NULL;
	if (!dir)
		return problem(why, folder,
			       depth <= PAGES_DEPTH_MAX ? strerror(errno) : "the folders are nested too deeply");
	bool good = true;
	for (struct dirent *entry; good && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			good = load_entry(p, folder, path, entry->d_name, depth, why);
	closedir(dir);
	return good;
}

bool pages_load(pages *p, const char *folder, char why[256])
{
	return load_folder(p, folder, "", 0, why);
}

bool pages_add(pages *p, const char *file, const char *path, char why[256])
{
	struct stat info;
	if (stat(file, &info) || !S_ISREG(info.st_mode))
		return true;
	return add_file(p, file, (size_t)info.st_size, path, why);
}

void pages_clear(pages *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free((void *)p->files[i].path);
		free((void *)p->files[i].bytes.data);
	}
	free(p->files);
	*p = (pages){0};
}

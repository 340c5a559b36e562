/*
 * fuzz/replay_main.c: runs a fuzz target over the files of the folders given, as an ordinary test: each file is one.
 *
 * A target that finds a bug aborts the program, which the test runner counts as a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1u << 20)

static int replay_file(const char *folder, const char *name)
{
	static uint8_t data[INPUT_MAX];
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return -1;
	FILE *f = fopen(path, "rb");
	if (!f)
		return -1;
	size_t size = fread(data, 1, sizeof data, f);
	fclose(f);
	/* A copy of the exact size, so that the address sanitizer sees a read past the end. */
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	for (size_t i = 0; i < size; i++)
		exact[i] = data[i];
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		if (!dir) {
			fprintf(stderr, "no such folder: %s\n", argv[i]);
			return 1;
		}
		for (struct dirent *e; (e = readdir(dir));) {
			if (e->d_name[0] == '.')
				continue;
			if (replay_file(argv[i], e->d_name) == 0) {
				passed++;
			} else {
				failed++;
				fprintf(stderr, "cannot read %s/%s\n", argv[i], e->d_name);
			}
		}
		closedir(dir);
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}

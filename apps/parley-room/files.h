/*
 * apps/parley-room/files.h: files over the data channel, as docs/room-protocol.md has it: a text message announces one, binary
 * messages carry it, a text message of the receiver tells whether its SHA-256 was right.
 *
 * The session hands over every message first; what is about files is kept, the rest is chat. One file each way at a time.
 */
#ifndef PARLEY_APPS_ROOM_FILES_H
#define PARLEY_APPS_ROOM_FILES_H

#include <stdio.h>

#include "apps/common/report.h"
#include "base/hash.h"
#include "parley/parley.h"
#include "signaling/json.h"

#define FILE_NAME_MAX_BYTES 200u
#define FILE_PATH_MAX 4096u

typedef struct {
	enum { SENDER_IDLE, SENDER_HASHING, SENDER_SENDING, SENDER_WAITING } state;
	FILE *file;
	char name[FILE_NAME_MAX_BYTES + 1];
	uint32_t id;
	uint64_t size, done;
	sha256_stream *hash;
	char sha256[2 * SHA256_SIZE + 1];
} file_sender;

typedef struct {
	bool active;
	FILE *file;
	char name[FILE_NAME_MAX_BYTES + 1];
	char path[FILE_PATH_MAX], part_path[FILE_PATH_MAX];
	uint32_t id;
	uint64_t size, done;
	sha256_stream *hash;
	char sha256[2 * SHA256_SIZE + 1];
} file_receiver;

typedef struct {
	parley_pc *pc;
	parley_channel channel;
	report *report;
	const char *receive_dir; /* NULL: files are refused */
	file_sender sender;
	file_receiver receiver;
	uint32_t next_id;
	bool has_refused; /* what still comes of the file refused last is dropped */
	uint32_t refused_id;
	bool failed; /* a file did not arrive whole, here or there */
} files;

void files_clear(files *f);
/* Begins to send; one at a time. False, and a line in why: it cannot be read, or one is on its way. */
bool files_send(files *f, const char *path, char why[256]);
/* Hashes some more. True as long as there is more to hash: call it again when the loop is idle. */
bool files_hash_some(files *f);
/* Sends as much as the channel's buffer should hold: call it when the amount is low. */
void files_send_some(files *f);
/* Takes the message if it is about files. */
bool files_receive(files *f, bool binary, slice message);
/* Nothing is on its way in either direction. */
bool files_are_idle(const files *f);

#endif

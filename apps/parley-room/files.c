#include "apps/parley-room/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/text.h"

#define CHUNK_MAX 65536u	  /* of a message, the id included: every peer takes that */
#define CHUNK_HEADER 4u		  /* the id */
#define HASH_STEP (1u << 20)	  /* bytes between two turns of the loop */
#define BUFFERED_HIGH (1u << 20)  /* no more than this waits in the channel */
#define BUFFERED_LOW (256u << 10) /* and more is sent when it falls to this */
#define FILE_SIZE_MAX (UINT64_C(1) << 40)
#define ANNOUNCE_LIMIT 2048u

static uint64_t now_us(void)
{
	return uv_hrtime() / 1000;
}

static void sender_clear(file_sender *s)
{
	if (s->file)
		fclose(s->file);
	sha256_stream_free(s->hash);
	*s = (file_sender){.state = SENDER_IDLE};
}

static void receiver_clear(file_receiver *r)
{
	if (r->file) {
		fclose(r->file);
		unlink(r->part_path); /* what is not whole is not kept */
	}
	sha256_stream_free(r->hash);
	*r = (file_receiver){.active = false};
}

void files_clear(files *f)
{
	sender_clear(&f->sender);
	receiver_clear(&f->receiver);
}

bool files_are_idle(const files *f)
{
	return f->sender.state == SENDER_IDLE && !f->receiver.active;
}

static bool send_text(files *f, const buf *b, int error)
{
	if (!error)
		error = parley_pc_send(f->pc, f->channel, false, b->data, b->len);
	return error == 0;
}

/* --- sending --- */

bool files_send(files *f, const char *path, char why[256])
{
	file_sender *s = &f->sender;
	struct stat st;
	if (s->state != SENDER_IDLE) {
		snprintf(why, 256, "%.100s is still on its way", s->name);
		return false;
	}
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, 256, "cannot read %.180s: %s", path, file ? "not a file" : strerror(errno));
		if (file)
			fclose(file);
		return false;
	}
	const char *slash = strrchr(path, '/');
	snprintf(s->name, sizeof s->name, "%.200s", slash ? slash + 1 : path);
	s->file = file;
	s->size = (uint64_t)st.st_size;
	s->id = ++f->next_id;
	s->hash = sha256_stream_new();
	s->state = SENDER_HASHING;
	if (s->hash)
		return true;
	snprintf(why, 256, "out of memory");
	sender_clear(s);
	return false;
}

static void sending_failed(files *f, const char *why)
{
	report_event(f->report, "error", FIELDS(field_text("text", why)), "%s: %s", f->sender.name, why);
	f->failed = true;
	sender_clear(&f->sender);
}

static void announce(files *f)
{
	file_sender *s = &f->sender;
	uint8_t digest[SHA256_SIZE];
	sha256_stream_end(s->hash, digest);
	hex_encode(slice_of(digest, sizeof digest), s->sha256);
	rewind(s->file);
	buf b = {.limit = ANNOUNCE_LIMIT};
	json_writer w = json_writer_of(&b);
	json_write_raw(&w, "{\"parley\":\"file\",\"id\":");
	json_write_integer(&w, s->id);
	json_write_raw(&w, ",\"name\":");
	json_write_text(&w, s->name);
	json_write_raw(&w, ",\"size\":");
	json_write_integer(&w, (int64_t)s->size);
	json_write_raw(&w, ",\"sha256\":");
	json_write_text(&w, s->sha256);
	json_write_raw(&w, "}");
	bool sent = send_text(f, &b, w.error);
	buf_clear(&b);
	if (!sent) {
		sending_failed(f, "the channel does not take it");
		return;
	}
	parley_pc_set_buffered_amount_low_threshold(f->pc, f->channel, BUFFERED_LOW);
	s->state = SENDER_SENDING;
	files_send_some(f);
}

bool files_hash_some(files *f)
{
	static uint8_t bytes[HASH_STEP];
	file_sender *s = &f->sender;
	if (s->state != SENDER_HASHING)
		return false;
	size_t n = fread(bytes, 1, sizeof bytes, s->file);
	if (n && !sha256_stream_add(s->hash, slice_of(bytes, n)))
		return true;
	if (n == 0 && !ferror(s->file))
		announce(f);
	else
		sending_failed(f, "cannot be read");
	return false;
}

/* One binary message. False: the file or the channel is at its end for now. */
static bool send_chunk(files *f)
{
	uint8_t chunk[CHUNK_MAX];
	file_sender *s = &f->sender;
	writer w = writer_of(chunk, sizeof chunk);
	write_u32(&w, s->id);
	uint64_t left = s->size - s->done;
	size_t want = left < CHUNK_MAX - CHUNK_HEADER ? (size_t)left : CHUNK_MAX - CHUNK_HEADER;
	if (fread(chunk + CHUNK_HEADER, 1, want, s->file) != want) {
		sending_failed(f, "it changed while it was sent");
		return false;
	}
	int err = parley_pc_send(f->pc, f->channel, true, chunk, CHUNK_HEADER + want);
	if (err) {
		sending_failed(f, parley_pc_last_error(f->pc));
		return false;
	}
	s->done += want;
	return true;
}

void files_send_some(files *f)
{
	file_sender *s = &f->sender;
	while (s->state == SENDER_SENDING && s->done < s->size &&
	       parley_pc_buffered_amount(f->pc, f->channel) < BUFFERED_HIGH)
		if (!send_chunk(f))
			return;
	if (s->state != SENDER_SENDING)
		return;
	report_progress(f->report, "sending", s->name, s->done, s->size, now_us());
	if (s->done == s->size)
		s->state = SENDER_WAITING;
}

static void on_received_there(files *f, json_value m)
{
	file_sender *s = &f->sender;
	int64_t id;
	bool ok = false;
	if (s->state == SENDER_IDLE || !json_integer(json_member(m, "id"), 0, UINT32_MAX, &id) || id != s->id)
		return;
	json_boolean(json_member(m, "ok"), &ok);
	report_event(f->report, "file-sent",
		     FIELDS(field_text("name", s->name), field_integer("size", (int64_t)s->size),
			    field_text("sha256", s->sha256), field_boolean("ok", ok)),
		     "%s, %llu bytes, sha256 %s: %s", s->name, (unsigned long long)s->size, s->sha256,
		     ok ? "received whole" : "NOT received");
	f->failed = f->failed || !ok;
	sender_clear(s);
}

/* --- receiving --- */

/* The last part of the path the peer gave, of characters that do no harm in a name. */
static void safe_name(const char *in, char out[FILE_NAME_MAX_BYTES + 1])
{
	const char *base = in;
	for (const char *p = in; *p; p++)
		if (*p == '/' || *p == '\\')
			base = p + 1;
	size_t n = 0;
	for (; *base && n < FILE_NAME_MAX_BYTES; base++)
		out[n++] = (unsigned char)*base < 0x20 || *base == 0x7f || strchr("<>:\"|?*", *base) ? '_' : *base;
	out[n] = '\0';
	for (size_t i = 0; out[i] == '.'; i++)
		out[i] = '_';
	if (n == 0)
		snprintf(out, FILE_NAME_MAX_BYTES + 1, "file");
}

/* A path in the folder that no file has: "name", "name.1", ... */
static bool choose_path(file_receiver *r, const char *dir)
{
	for (unsigned i = 0; i < 1000; i++) {
		char suffix[8] = "";
		if (i)
			snprintf(suffix, sizeof suffix, ".%u", i);
		int n = snprintf(r->path, sizeof r->path, "%s/%s%s", dir, r->name, suffix);
		int m = snprintf(r->part_path, sizeof r->part_path, "%s.part", r->path);
		if (n < 0 || m < 0 || (size_t)m >= sizeof r->part_path)
			return false;
		if (access(r->path, F_OK) != 0)
			return true;
	}
	return false;
}

static void answer_received(files *f, uint32_t id, bool ok, const char *sha256, const char *reason)
{
	buf b = {.limit = ANNOUNCE_LIMIT};
	json_writer w = json_writer_of(&b);
	json_write_raw(&w, "{\"parley\":\"file-received\",\"id\":");
	json_write_integer(&w, id);
	json_write_raw(&w, ok ? ",\"ok\":true,\"sha256\":" : ",\"ok\":false,\"sha256\":");
	json_write_text(&w, sha256);
	json_write_raw(&w, ",\"reason\":");
	json_write_text(&w, reason);
	json_write_raw(&w, "}");
	send_text(f, &b, w.error);
	buf_clear(&b);
}

static void receive_end(files *f)
{
	file_receiver *r = &f->receiver;
	uint8_t digest[SHA256_SIZE];
	char sha256[2 * SHA256_SIZE + 1];
	sha256_stream_end(r->hash, digest);
	hex_encode(slice_of(digest, sizeof digest), sha256);
	bool written = fclose(r->file) == 0;
	r->file = NULL;
	bool ok = written && strcasecmp(sha256, r->sha256) == 0 && rename(r->part_path, r->path) == 0;
	if (!ok)
		unlink(r->part_path);
	report_event(f->report, "file-received",
		     FIELDS(field_text("name", r->name), field_integer("size", (int64_t)r->size),
			    field_text("sha256", sha256), field_boolean("ok", ok), field_text("path", r->path)),
		     "%s, %llu bytes, sha256 %s: %s", r->path, (unsigned long long)r->size, sha256,
		     ok ? "as announced" : "NOT as announced, dropped");
	answer_received(f, r->id, ok, sha256, ok ? "" : "the SHA-256 differs");
	f->failed = f->failed || !ok;
	receiver_clear(r);
}

static const char *receive_begin(files *f, json_value m)
{
	file_receiver *r = &f->receiver;
	int64_t id, size;
	char name[1024];
	if (r->active)
		return "another file is on its way";
	if (!f->receive_dir)
		return "this peer takes no files";
	if (!json_integer(json_member(m, "id"), 0, UINT32_MAX, &id) ||
	    !json_integer(json_member(m, "size"), 0, (int64_t)FILE_SIZE_MAX, &size) ||
	    !json_copy(json_member(m, "name"), name, sizeof name) ||
	    !json_copy(json_member(m, "sha256"), r->sha256, sizeof r->sha256))
		return "malformed announcement";
	safe_name(name, r->name);
	if (!choose_path(r, f->receive_dir))
		return "no name left for it";
	r->id = (uint32_t)id;
	r->size = (uint64_t)size;
	r->hash = sha256_stream_new();
	r->file = fopen(r->part_path, "wb");
	if (!r->hash || !r->file) {
		receiver_clear(r);
		return "the folder cannot be written";
	}
	r->active = true;
	f->has_refused = false;
	return NULL;
}

static void on_announcement(files *f, json_value m)
{
	int64_t id = 0;
	const char *why = receive_begin(f, m);
	if (why) {
		json_integer(json_member(m, "id"), 0, UINT32_MAX, &id);
		f->has_refused = true;
		f->refused_id = (uint32_t)id;
		report_event(f->report, "file-refused", FIELDS(field_text("reason", why)), "%s", why);
		answer_received(f, (uint32_t)id, false, "", why);
	} else if (f->receiver.size == 0) {
		receive_end(f);
	}
}

static bool receive_chunk(files *f, slice message)
{
	file_receiver *r = &f->receiver;
	reader in = reader_of(message);
	uint32_t id = read_u32(&in);
	slice bytes = read_rest(&in);
	if (!in.bad && f->has_refused && id == f->refused_id)
		return true;
	if (!r->active || in.bad || id != r->id)
		return false;
	if (bytes.len > r->size - r->done || sha256_stream_add(r->hash, bytes) ||
	    fwrite(bytes.data, 1, bytes.len, r->file) != bytes.len) {
		const char *why = bytes.len > r->size - r->done ? "more bytes than announced" : "the folder is full";
		report_event(f->report, "error", FIELDS(field_text("text", why)), "%s: %s", r->name, why);
		answer_received(f, r->id, false, "", why);
		f->failed = f->has_refused = true;
		f->refused_id = r->id;
		receiver_clear(r);
		return true;
	}
	r->done += bytes.len;
	report_progress(f->report, "receiving", r->name, r->done, r->size, now_us());
	if (r->done == r->size)
		receive_end(f);
	return true;
}

bool files_receive(files *f, bool binary, slice message)
{
	static const char prefix[] = "{\"parley\":";
	if (binary)
		return receive_chunk(f, message);
	json_document doc;
	if (!slice_equal_string(slice_part(message, 0, sizeof prefix - 1), prefix) || json_parse(&doc, message))
		return false;
	json_value root = json_root(&doc);
	json_value kind = json_member(root, "parley");
	bool mine = true;
	if (json_equals(kind, "file"))
		on_announcement(f, root);
	else if (json_equals(kind, "file-received"))
		on_received_there(f, root);
	else
		mine = false;
	json_clear(&doc);
	return mine;
}

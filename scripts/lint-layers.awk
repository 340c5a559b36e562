# lint-layers.awk: who may include and call whom, read from the sources. Comments and strings are not looked at.
#
# After scripts/lint-rules.awk. Arguments: .c and .h files. Prints one line per finding, "file:line: what is wrong; what to do".

BEGIN {
	# Who may know more of include/parley than types.h.
	split("peer net signaling apps include", list)
	for (i in list) knows_api[list[i]] = 1

	# Headers that anyone may include.
	split("assert ctype errno float inttypes limits math stdalign stdarg stdbool stddef stdint stdio stdlib " \
	      "string nmmintrin wmmintrin", list)
	for (i in list) standard[list[i] ".h"] = 1

	# Libraries: header pattern -> files that may include it.
	library["^openssl/"] = "^(base/hash\\.c|dtls/.*|net/.*)$"
	library["^srtp2/"] = "^rtp/srtp\\.c$"
	library["^uv\\.h$"] = "^(net/.*|signaling/net[^/]*|apps/.*|include/parley/parley\\.h)$"
	library["^jsmn\\.h$"] = "^signaling/json\\.c$"
	library["^wslay/"] = "^signaling/websocket\\.[ch]$"
	library["^lib(av|sw)[a-z]*/"] = "^apps/.*"
	library["^SDL2/"] = "^apps/.*"
	library["^http_parser\\.h$"] = "^signaling/http\\.[ch]$"

	forbidden_call = "(^|[^A-Za-z0-9_.>])(time|gettimeofday|clock|clock_gettime|nanosleep|sleep|usleep|rand|random|srand|" \
		"srandom|drand48|getrandom|socket|bind|connect|send|sendto|sendmsg|recv|recvfrom|recvmsg|select|poll|" \
		"printf|fprintf|vprintf|puts|putchar|fopen|pthread_[a-z_]+|thrd_[a-z_]+|uv_[a-z_0-9]+) ?\\("
}

FNR == 1 {
	folder = FILENAME
	sub(/\/.*/, "", folder)
	in_comment = 0
	is_pure = pure(FILENAME)
}

function finding(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
}

function has_word(words, word) {
	return index(" " words " ", " " word " ") > 0
}

# The line without comments and without what stands between quotes.
function code_of(line,    out, at) {
	out = ""
	while (line != "") {
		if (in_comment) {
			at = index(line, "*/")
			if (!at) return out
			line = substr(line, at + 2)
			in_comment = 0
		} else if (match(line, /\/\*|\/\/|"([^"\\]|\\.)*"/)) {
			out = out substr(line, 1, RSTART - 1)
			if (substr(line, RSTART, 2) == "//") return out
			if (substr(line, RSTART, 2) == "/*") in_comment = 1
			else out = out "\"\""
			line = substr(line, RSTART + RLENGTH)
		} else {
			return out line
		}
	}
	return out
}

function check_own_header(header,    owner, file) {
	owner = header
	sub(/\/.*/, "", owner)
	if (owner == "parley") {
		if (header != "parley/types.h" && !(folder in knows_api))
			finding(folder "/ may know only parley/types.h, not " header)
		return
	}
	if (owner == folder) return
	if (!(has_word(uses[folder], owner)) && !(folder == "signaling" && owner == "net" && !is_pure))
		finding(folder "/ may not include " header "; it may use: " uses[folder] (folder == "signaling" ? \
			" (net/ only in signaling/net*.c)" : "") ". Move the code up, or pass what it needs in from above")
	else if (owner != "base" && header ~ /internal|private/)
		finding(header " is " owner "/'s own business; put what others need into " owner "/" owner ".h")
}

function check_foreign_header(header,    pattern) {
	if (header in standard) return
	for (pattern in library)
		if (header ~ pattern) {
			if (FILENAME !~ library[pattern])
				finding("<" header "> belongs only into files matching " library[pattern])
			return
		}
	if (is_pure)
		finding("<" header "> is not for " folder "/, which has no I/O, clock, thread or randomness of its own; take it as an argument")
}

folder in uses {
	if (match($0, /^[ \t]*#[ \t]*include[ \t]+"[^"]+"/)) {
		header = $0
		gsub(/^[^"]*"|".*$/, "", header)
		if (header !~ /\//) finding("include \"" header "\" by its full path, \"folder/" header "\"")
		else check_own_header(header)
		next
	}
	if (match($0, /^[ \t]*#[ \t]*include[ \t]+<[^>]+>/)) {
		header = $0
		gsub(/^[^<]*<|>.*$/, "", header)
		check_foreign_header(header)
		next
	}
}

{
	code = code_of($0)
	if (is_pure) {
		if (match(code, forbidden_call)) {
			call = substr(code, RSTART, RLENGTH)
			gsub(/[^A-Za-z0-9_]/, "", call)
			finding(call "() below net/: time, randomness and I/O come in as arguments and go out by polling; report by trace_printf")
		}
		if (code ~ /(^|[^A-Za-z0-9_])(stderr|stdout|stdin)([^A-Za-z0-9_]|$)/)
			finding("standard streams below net/: report by trace_printf or an event")
		if (FILENAME ~ /\.h$/ && folder != "base" && code ~ /\([ \t]*\*[ \t]*[A-Za-z_0-9]+[ \t]*\)[ \t]*\(/)
			finding("a function pointer in a header below net/: no callbacks, queue an event for x_poll_event")
	}
}

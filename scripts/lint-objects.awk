# lint-objects.awk: what the compiled code below net/ really calls and keeps.
#
# After scripts/lint-rules.awk. Input: `nm -A --format=sysv` of all objects of the build, whose root is the variable `root`. Prints "source symbol text" lines:
# calls to the clock, sockets, threads and the like; mutable globals; and calls up or across the layers.

BEGIN {
	FS = "|"
	denied = "^(time|gettimeofday|clock(_.*)?|times|(nano|u)?sleep|s?rand(om)?(_r)?|[dlm]rand48|getrandom|getentropy|arc4random.*|" \
		"socket(pair)?|bind|listen|accept4?|connect|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|shutdown|p?select|p?poll|epoll_.*|" \
		"ioctl|fcntl|open(at)?(64)?|close|read|write|readv|writev|f(open|read|write|close|puts|putc|flush)(64)?|" \
		"(__)?v?f?printf(_chk)?|(__)?v?dprintf(_chk)?|puts|putc(har)?|perror|std(in|out|err)|syslog|" \
		"pthread_.*|thrd_.*|mtx_.*|sem_.*|signal|sigaction|fork|exec.*|system|getenv|getaddrinfo|gethostby.*|if_nametoindex|uv_.*)$"
}

{
	split($1, where, ":")
	symbol = where[2]
	gsub(/ /, "", symbol)
	section = $7
	gsub(/ /, "", section)
	if (symbol == "" || section == "") next

	object = substr(where[1], length(root) + 2)
	folder = object
	sub(/\/.*/, "", folder)
	source = object
	sub(/\.o$/, ".c", source)

	if (section != "*UND*" && $3 ~ /[A-Z]/) definer[symbol] = folder
	if (!pure(source)) next
	if (section == "*UND*") {
		sub(/@.*/, "", symbol)
		if (symbol ~ denied)
			print source, symbol, "called below net/; time, randomness and I/O come in as arguments and go out by polling"
		else {
			n++
			user_of[n] = folder; source_of[n] = source; wanted[n] = symbol
		}
	} else if ($4 ~ /OBJECT|TLS/ && section ~ /^(\.t?(data|bss)|\*COM\*)/ && section !~ /^\.data\.rel\.ro/)
		print source, symbol, "is a mutable global; make it const (tables of pointers: `*const`) or part of the object it serves"
}

END {
	for (i = 1; i <= n; i++) {
		owner = definer[wanted[i]]
		if (owner != "" && index(" " uses[user_of[i]] " ", " " owner " ") == 0)
			print source_of[i], wanted[i], "belongs to " owner "/, which " user_of[i] "/ may not call"
	}
}

#!/usr/bin/env bash
# lint.sh [RULE...]: the rules of the house, each finding as "file:line: what is wrong; what to do". No rule given: all.
#
#   layers    who may include and call whom, read from the sources (scripts/lint-layers.awk)
#   objects   the same, and no clock, socket, thread or mutable global, read from the compiled objects (scripts/lint-objects.awk)
#   size      no source file over 800 lines
#   format    clang-format changes nothing
#   scripts   shell and JavaScript parse
#   rfc       what docs/rfc.md names exists (scripts/check-rfc.sh)
#   analyse   cppcheck and clang-tidy find nothing
set -u
cd "$(dirname "$0")/.."
B=${B:-build}
JOBS=${JOBS:-$(nproc)}
LINES_MAX=800
COMPILED="base stun ice dtls sctp rtp sdp peer net signaling"

sources() { # sources GLOB...: files of the tree, sorted
	local -a names=()
	local glob
	for glob in "$@"; do names+=(-o -name "$glob"); done
	find . -name node_modules -prune -o -path ./build -prune -o -path ./.git -prune -o -type f \( "${names[@]:1}" \) -print |
		sed 's|^\./||' | sort
}

lint_layers() {
	sources '*.c' '*.h' | grep -vE '^(tests|fuzz|bench)/' | xargs awk -f scripts/lint-rules.awk -f scripts/lint-layers.awk
}

line_of() { # line_of FILE WORD: where the word first stands
	grep -nw -m 1 -- "$2" "$1" 2>/dev/null | cut -d: -f1
}

lint_objects() {
	local layer source symbol text
	make --no-print-directory -s -j"$JOBS" all >&2 || { echo "build: make all fails"; return; }
	for layer in $COMPILED; do
		find "$B/$layer" -name '*.o' 2>/dev/null
	done | xargs nm -A --format=sysv 2>/dev/null | 
		awk -v root="$B" -f scripts/lint-rules.awk -f scripts/lint-objects.awk |
		while read -r source symbol text; do
			echo "$source:$(line_of "$source" "${symbol%%.*}"): $symbol: $text"
		done
}

lint_size() {
	sources '*.c' '*.h' '*.js' '*.sh' '*.css' | xargs wc -l | awk -v max=$LINES_MAX '
		$2 != "total" && $1 > max { printf "%s:%d: over %d lines; one subject per file, split it\n", $2, $1, max }'
}

lint_format() {
	sources '*.c' '*.h' | xargs -P "$JOBS" -n 20 clang-format --dry-run -Werror 2>&1 |
		awk -F: '/: error: / && !seen[$1]++ { printf "%s:%d: not formatted; run make format\n", $1, $2 }'
}

lint_scripts() {
	local file
	{ sources '*.sh'; echo .ci/run; } | while read -r file; do bash -n "$file" 2>&1; done
	sources '*.js' | while read -r file; do
		node --check "$file" 2>&1 | grep -m 2 -E ':[0-9]+$|Error' | paste -sd' '
	done
}

lint_rfc() {
	scripts/check-rfc.sh
}

# Both tools remember what they have seen, below $B/lint, and look again only at files that changed.
lint_analyse() {
	local flags="-std=c11 -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 -Iinclude -I."
	mkdir -p "$B/lint/cppcheck"
	sources '*.c' | grep -v '^fuzz/.*_fuzz\.c$' | xargs cppcheck -q -j "$JOBS" --cppcheck-build-dir="$B/lint/cppcheck" --std=c11 \
		-D_GNU_SOURCE -Iinclude -I. --enable=warning,performance,portability --inline-suppr --suppressions-list=scripts/cppcheck.txt \
		--template='{file}:{line}: {message} [{id}]' 2>&1
	sources '*.c' | while read -r file; do
		stamp=$B/lint/tidy/$file.ok
		[ -z "$(find $(tidy_inputs "$file") -newer "$stamp" 2>&1)" ] || printf '%s\n' "$file"
	done | xargs -r -P "$JOBS" -n 1 scripts/lint-tidy.sh "$B/lint/tidy" "$flags"
}
tidy_inputs() { # tidy_inputs FILE: what the stamp of a file must be newer than
	echo "$1" .clang-tidy
	sed -e 's/^[^:]*://' -e 's/\\$//' "$B/${1%.c}.d" 2>/dev/null | tr ' ' '\n' | grep -E '^[a-z].*\.h$'
}

findings=0
for rule in "${@:-layers objects size format scripts rfc analyse}"; do
	for name in $rule; do
		began=$SECONDS
		found=$("lint_$name")
		count=$(printf '%s' "$found" | grep -c . || true)
		printf 'lint %-8s %4d findings %4d s\n' "$name" "$count" $((SECONDS - began))
		[ "$count" -eq 0 ] || printf '%s\n' "$found" | sed 's/^/    /'
		findings=$((findings + count))
	done
done
[ "$findings" -eq 0 ]

#!/usr/bin/env bash
# lint-tidy.sh STAMPS FLAGS FILE: clang-tidy on one file; prints its findings, or leaves a stamp in STAMPS that there were none.
set -u
stamps=$1 flags=$2 file=$3
# shellcheck disable=SC2086 # flags are words
found=$(clang-tidy --quiet "$file" -- $flags 2>/dev/null | grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error):' | sed -e "s|^$PWD/||" -e "s|^\./||")
if [ -n "$found" ]; then
	printf '%s\n' "$found"
else
	mkdir -p "$stamps/$(dirname "$file")"
	touch "$stamps/$file.ok"
fi

#!/usr/bin/env bash
# check-rfc.sh: every file, function and test that docs/rfc.md names is in the tree; each that is not as "file:line: ...".
#
# A name stands there as `path: name, name` or `path`. In a test file the name must be a test that is run; elsewhere something
# that is defined at the left margin, or a #define. A row of a table has three columns, none of them empty.
set -u
cd "$(dirname "$0")/.."
DOC=docs/rfc.md

defines() { # defines FILE NAME
	case $1 in
	tests/*_test.c) grep -qE "_(unit_)?(test|TEST)[a-z_]*\($2[,)]|^[A-Z_]*TEST\($2\)|[A-Z]_TEST\($2\)" "$1" ;;
	*.js) grep -qE "(function|const|let|class) $2\b" "$1" ;;
	*.h) grep -qE "\b$2\b" "$1" ;;
	*) grep -qE "^([A-Za-z_].*[ *])?$2(\(|\[| =)|^#define $2\b" "$1" ;;
	esac
}

findings() {
	local line file names name
	grep -noE '`[A-Za-z][A-Za-z0-9_/.-]*\.(c|h|js|sh|md)(: [^`]*)?`' $DOC | tr -d '`' | while IFS=: read -r line file names; do
		if [ ! -f "$file" ]; then
			echo "$DOC:$line: there is no $file"
			continue
		fi
		for name in ${names//,/ }; do
			defines "$file" "$name" || echo "$DOC:$line: $file has no $name"
		done
	done
	awk -F'|' '/^\|/ && (NF != 5 || $2 $3 $4 ~ /^ *$/ || $3 ~ /^ *$/ || $4 ~ /^ *$/) {
		printf "%s:%d: a row has a requirement, a function and a test\n", FILENAME, FNR }' $DOC
}

found=$(findings)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }

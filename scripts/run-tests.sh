#!/usr/bin/env bash
# run-tests.sh KIND...: runs the built tests of each kind and ends with "N passed, N failed".
#
# A program is a cmocka program or prints a last line "N passed, N failed" itself. One that crashes, hangs past its
# limit, or exits non-zero without counting a failure counts as one failed. Output goes to $B/logs/, and here on failure.
set -u
B=${B:-build}
LIMIT_S=${TEST_LIMIT_S:-900}
passed=0 failed=0
mkdir -p "$B/logs"

count_of() { # count_of LOG -> "passed failed"
	local own
	own=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1)
	if [ -n "$own" ]; then
		echo "$own" | sed -E 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/'
	else
		awk '/^\[  PASSED  \] [0-9]+ test/ { passed += $4 } /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
			END { print passed + 0, failed + 0 }' "$1"
	fi
}

run_one() { # run_one NAME COMMAND...
	local name=$1 log=$B/logs/${1//\//_}.log status p f start=$SECONDS
	shift
	timeout --kill-after=10 "$LIMIT_S" "$@" >"$log" 2>&1 </dev/null
	status=$?
	read -r p f < <(count_of "$log")
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		[ "$status" -ge 124 ] && echo "(ended by signal or time limit: status $status)" >>"$log"
	fi
	if [ "$status" -eq 0 ] && [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then
		f=1
		echo "(the program ran no test)" >>"$log"
	fi
	passed=$((passed + p)) failed=$((failed + f))
	printf '%-44s %5d passed %3d failed  %4d s\n' "$name" "$p" "$f" $((SECONDS - start))
	[ "$f" -eq 0 ] || tail -n 80 "$log" | sed 's/^/    /'
}

for kind in "$@"; do
	case $kind in
	unit | sim | net | apps)
		for src in tests/"$kind"/*_test.c; do
			[ -e "$src" ] || continue
			name=${src#tests/} name=${name%.c}
			run_one "$name" "$B/tests/$name"
		done
		;;
	fuzz)
		for src in fuzz/*_fuzz.c; do
			[ -e "$src" ] || continue
			name=$(basename "$src" _fuzz.c)
			run_one "fuzz/$name" "$B/fuzz/${name}_replay" "fuzz/corpus/$name"
		done
		;;
	nat)
		for script in tests/net/lab/*_test.js; do
			run_one "nat/$(basename "$script" .js)" env PARLEY_BUILD="$B" node "$script"
		done
		;;
	interop | calls)
		# What measures time is a kind of its own: on a busy machine it would say more of the machine than of the code.
		for script in tests/interop/*_test.js; do
			case $kind:$script in
			interop:*/media_test.js | interop:*/link_test.js) continue ;;
			calls:*/media_test.js | calls:*/link_test.js) ;;
			calls:*) continue ;;
			esac
			run_one "interop/$(basename "$script" .js)" env PARLEY_BUILD="$B" node "$script"
		done
		;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

#!/usr/bin/env bash
# demo.sh: a hub; two native peers that meet in a room, talk and pass on a file; then one that waits for your browser.
#
# Ends at Ctrl-C, or DEMO_SECONDS after its start if that is set. Needs `make` first; `make demo` does both.
set -eu
B=${B:-build}
ROOM="$B/parley-room"
FILE_SIZE=10000000
began=$SECONDS
work=$(mktemp -d)

# Everything that was started is a job of this shell, so that jobs -p names what still runs.
finish() {
	local -a running
	trap - EXIT INT TERM
	mapfile -t running < <(jobs -p)
	[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap finish EXIT
trap 'echo; echo "The demo ends."; exit 0' INT TERM

labelled() { # labelled WHO: each line of the input after a label
	sed -u "s/^/  $1 | /"
}

# Starts the hub and sets `origin`, the page's address without its last slash; fails if it cannot listen there.
start_hub() { # start_hub ADDRESS
	local said line
	rm -f "$work/hub"
	mkfifo "$work/hub"
	"$B/parley-hub" --listen "$1" >"$work/hub" 2>"$work/hub.err" &
	exec {said}<"$work/hub" # stays open, so that the hub can go on talking
	while read -r line <&"$said"; do
		origin=$(grep -oE 'https?://[^ /]+' <<<"$line") && return 0
	done
	return 1
}

room_id() { # room_id NAME: once that room is in the list
	local id tries=0
	until id=$("$ROOM" list --hub "$hub_url" --json |
		sed -nE 's/.*\{"id":"([^"]*)","name":"'"$1"'".*/\1/p') && [ -n "$id" ]; do
		[ $((++tries)) -lt 50 ] || return 1
		sleep 0.1
	done
	echo "$id"
}

two_peers_meet() {
	local alice bob id
	echo
	echo "Alice creates a room, Bob joins it, greets her and sends a file of $FILE_SIZE bytes:"
	echo
	head -c "$FILE_SIZE" /dev/urandom >"$work/present.bin"
	mkdir "$work/received"
	echo "Hello Bob, this is Alice." >"$work/alice.says"
	echo "Hello Alice, this is Bob. I am sending you a file." >"$work/bob.says"

	"$ROOM" create meeting --hub "$hub_url" --receive-dir "$work/received" \
		<"$work/alice.says" > >(labelled "Alice") 2>&1 &
	alice=$!
	id=$(room_id meeting) || {
		echo "demo.sh: the room does not appear in the hub's list" >&2
		return 1
	}
	"$ROOM" join "$id" --hub "$hub_url" --send-file "$work/present.bin" \
		<"$work/bob.says" > >(labelled "Bob  ") 2>&1 &
	bob=$!
	wait "$bob" || return 1
	wait "$alice" || return 1

	echo
	(cd "$work" && sha256sum present.bin && cd received && sha256sum present.bin) | labelled "SHA-256"
	cmp -s "$work/present.bin" "$work/received/present.bin" || {
		echo "demo.sh: the file that arrived is another one" >&2
		return 1
	}
	echo "The file arrived whole: the hashes agree."
}

# A visitor who leaves makes room for the next.
wait_for_browsers() {
	local timer= peer ended quick=0 since
	if [ -n "${DEMO_SECONDS:-}" ]; then
		local left=$((DEMO_SECONDS - (SECONDS - began)))
		sleep $((left > 0 ? left : 0)) &
		timer=$!
	fi
	while :; do
		since=$SECONDS
		"$ROOM" create demo --hub "$hub_url" --echo --send test </dev/null > >(labelled "Echo ") 2>&1 &
		peer=$!
		wait -n -p ended "$peer" $timer || [ "$ended" = "$peer" ]
		[ "$ended" = "$peer" ] || return 0
		[ $((SECONDS - since)) -gt 1 ] || quick=$((quick + 1))
		[ "$quick" -lt 5 ] || {
			echo "demo.sh: the waiting peer ends again and again" >&2
			return 1
		}
	done
}

start_hub 127.0.0.1:8080 || start_hub 127.0.0.1:0 || {
	cat "$work/hub.err" >&2
	exit 1
}
hub_url=$origin/connectionHub
echo "The hub listens. The page is at  $origin/"
two_peers_meet
echo
echo "Now open  $origin/  in a browser and join the room \"demo\": a native peer waits there, shows you a moving"
echo "picture with a clock, sounds a tone, and echoes what you write."
echo "Ctrl-C ends the demo."
echo
wait_for_browsers

#!/usr/bin/env bash
# turn.sh FOLDER [OPTION...]: coturn as STUN and TURN server in the srv namespace of nat.sh, in the foreground (exec: the pid is its).
#
# UDP and TCP on ports 3478 and 19302, TLS on 443; the realm is "lab", the user "u" with password "p", and its certificate, which
# is made when it is not there yet, FOLDER/cert.pem, for turn.test and stun.l.google.com. RFC 5780 by its two addresses.
# OPTIONs are coturn's. With $TURN_SECRET set users are known by time-limited credentials (TURN REST API) instead.
set -eu
LAB=${LAB:?as for nat.sh}
folder=$1
shift
if [ ! -e "$folder/cert.pem" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=turn.test \
		-addext 'subjectAltName=DNS:turn.test,DNS:stun.l.google.com,IP:203.0.113.10' \
		-keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
fi
users=(--lt-cred-mech --user=u:p)
[ -z "${TURN_SECRET:-}" ] || users=(--use-auth-secret "--static-auth-secret=$TURN_SECRET")
exec ip netns exec "${LAB}srv" turnserver -n --userdb="$folder/turndb" --pidfile="$folder/pid" --log-file=stdout --simple-log --no-cli \
	-L 203.0.113.10 -L 203.0.113.11 -L 2001:db8::10 -L 2001:db8::11 -E 203.0.113.10 -E 2001:db8::10 \
	--listening-port=3478 --tls-listening-port=443 --aux-server=203.0.113.10:19302 --aux-server='[2001:db8::10]:19302' \
	--min-port=49152 --max-port=49999 --cert="$folder/cert.pem" --pkey="$folder/key.pem" --realm=lab --fingerprint "${users[@]}" "$@"

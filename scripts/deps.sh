#!/usr/bin/env bash
# deps.sh [bench]: installs what the build, the tests and the demo need on Debian 12, and nothing when all is there; with "bench"
# also whom the benchmarks measure beside Parley, and what draws their plots.
#
# Debian's packages come from apt, which needs root; without it the command to run is printed and the exit status is 1.
# The page's and the browser tests' npm packages go into their own node_modules, exactly as package-lock.json says.
set -eu
cd "$(dirname "$0")/.."

PACKAGES=(
	# build
	gcc libc6-dev make binutils libssl-dev libsrtp2-dev libuv1-dev libjsmn-dev libwslay-dev libhttp-parser-dev
	# the programs' media: containers, codecs, cameras, a window with sound
	libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev libavdevice-dev libsdl2-dev
	# sanitizers, fuzzers and unit tests
	clang libclang-rt-14-dev llvm libcmocka-dev
	# lint
	clang-tidy clang-format cppcheck
	# network and browser tests
	iproute2 openssl ca-certificates procps chromium firefox-esr ffmpeg
	# NATs and a TURN server in network namespaces
	nftables conntrack coturn
)
[ "${1:-}" != bench ] || PACKAGES+=(golang-go golang-github-pion-webrtc.v3-dev gnuplot-nox)
NODE_MIN=18
NPM_FOLDERS=(apps/web tests/interop)

node_is_usable() {
	command -v npm >/dev/null && node -e "process.exit(parseInt(process.versions.node) >= $NODE_MIN ? 0 : 1)" 2>/dev/null
}

missing_packages() {
	local installed package
	installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "${PACKAGES[@]}" 2>/dev/null || true)"
	for package in "${PACKAGES[@]}"; do
		[[ $installed == *" installed:$package "* ]] || echo "$package"
	done
	node_is_usable || printf '%s\n' nodejs npm
}

# Tests start coturn themselves, within their own network: as a service of this machine it is not wanted. A policy of the
# administrator's, if there is one, stays.
POLICY=/usr/sbin/policy-rc.d
keep_services_from_starting() {
	[ ! -e "$POLICY" ] || return 0
	printf '#!/bin/sh\nexit 101\n' >"$POLICY"
	chmod +x "$POLICY"
	trap 'rm -f "$POLICY"' EXIT
}

install_packages() {
	local -a missing
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "deps.sh: packages are missing. As root, run:" >&2
		echo "  apt-get update && apt-get install --no-install-recommends -y ${missing[*]}" >&2
		exit 1
	fi
	echo "deps.sh: installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	keep_services_from_starting
	apt-get update -q
	apt-get install -q -y --no-install-recommends "${missing[@]}"
	[[ " ${missing[*]} " != *" coturn "* ]] || update-rc.d coturn disable
	node_is_usable || {
		echo "deps.sh: node >= $NODE_MIN with npm is needed, this is $(node --version 2>&1)" >&2
		exit 1
	}
}

# A copy of the lock file in node_modules says for which lock it was installed.
install_npm() { # install_npm FOLDER
	[ -e "$1/package-lock.json" ] || return 0
	cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock" && return 0
	echo "deps.sh: npm ci in $1"
	(cd "$1" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
	cp "$1/package-lock.json" "$1/node_modules/.installed-lock"
}

install_packages
for folder in "${NPM_FOLDERS[@]}"; do
	install_npm "$folder"
done

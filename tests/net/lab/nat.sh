#!/usr/bin/env bash
# nat.sh: a small internet in network namespaces: two sites behind NATs of nftables, and a server.
#
#   nat.sh up A B [IPV6_A [IPV6_B]]   makes it: hostA - natA - inet (bridge) - natB - hostB, and srv, each a namespace
#   nat.sh set A|B KIND [IPV6]        makes a site one of another kind: other addresses and rules, and no flow is remembered
#   nat.sh cut A|B [WHAT]             the site's NAT drops packets silently: all of them, or "direct", those that are not to or from
#                                     the server, or "direct4", "direct6", of these only IPv4 or IPv6
#   nat.sh mend A|B                   it lets them pass again as before
#   nat.sh down                       removes all of it, also what is half made
#
# The names of the namespaces, and of their folders in /etc/netns, begin with $LAB: several labs can be there at once.
#
# KIND              mapping               filtering             port      (RFC 4787; of UDP over IPv4)
#   open            none: public addresses, nothing is filtered
#   full-cone       endpoint-independent  endpoint-independent  kept
#   addr-restricted endpoint-independent  address               kept
#   port-restricted endpoint-independent  address and port      kept
#   symmetric       address and port      address and port      changed
#   udp-blocked     as port-restricted, but no UDP, IPv6 included
#   tcp443-only     the same, and of TCP only port 443 out
# IPV6              none (default); open: nothing is filtered; fw: what comes from inside opens the way for answers;
#                   nat66: local addresses (fd00::/8) and a NAT of the KIND that lets nothing else in
#
#   A    10.1.0.2, open 198.51.100.2;   IPv6 2001:db8:1::2, nat66 fd00:1::2;  outside 203.0.113.1, 2001:db8::1
#   B    10.2.0.2, open 198.51.100.130; IPv6 2001:db8:2::2, nat66 fd00:2::2;  outside 203.0.113.2, 2001:db8::2
#   srv  203.0.113.10 and .11, 2001:db8::10 and ::11; its names are turn.test and stun.l.google.com
set -eu
LAB=${LAB:?the names of the namespaces begin with this}
NAMESPACES="hostA natA inet natB hostB srv"
SERVER_NAMES="turn.test turn.test. stun.l.google.com stun.l.google.com." # Chromium asks with the final dot

inside() { # inside WHERE COMMAND...
	ip netns exec "$LAB$1" "${@:2}"
}

wire() { # wire WHERE NAME WHERE NAME
	ip link add "$2" netns "$LAB$1" type veth peer name "$4" netns "$LAB$3"
	ip -n "$LAB$1" link set "$2" up
	ip -n "$LAB$3" link set "$4" up
}

# --- rules ---

# Linux keeps the port of a mapping where it can, so that maps keyed by the outer port say which inner host has it.
# The kernel's own masquerading is port-restricted or, at random, symmetric; the two laxer kinds forward what it would not.
rules() { # rules KIND IPV6
	local nat4=masquerade nat6=accept new6='' forward='' prerouting='' unasked='drop'
	case $1 in
	open) nat4=accept unasked=accept ;;
	full-cone)
		forward='oifname "wan" meta nfproto ipv4 meta l4proto udp update @inner { udp sport timeout 60s : ip saddr . udp sport }'
		prerouting='iifname "wan" dnat ip to udp dport map @inner'
		;;
	addr-restricted)
		forward='oifname "wan" meta nfproto ipv4 meta l4proto udp update @inner { udp sport timeout 60s : ip saddr . udp sport } update @spoken_to { ip daddr . udp sport timeout 60s }'
		prerouting='iifname "wan" ip saddr . udp dport @spoken_to dnat ip to udp dport map @inner'
		;;
	port-restricted) ;;
	symmetric) nat4='masquerade random,fully-random' ;;
	udp-blocked) forward='meta l4proto udp drop' ;;
	tcp443-only) forward='meta l4proto udp drop
		oifname "wan" tcp dport != 443 drop' ;;
	*) echo "nat.sh: no kind $1" >&2 && return 2 ;;
	esac
	case $2 in
	none) new6=drop ;;
	open) new6=accept ;;
	fw) new6='iifname "wan" ct state new drop' ;;
	nat66) new6='iifname "wan" ct state new drop' nat6=${nat4/accept/masquerade} ;;
	*) echo "nat.sh: no IPv6 $2" >&2 && return 2 ;;
	esac
	cat <<-END
		flush ruleset
		table inet nat {
			map inner { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }
			set spoken_to { type ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }
			chain prerouting { type nat hook prerouting priority dstnat
				$prerouting
			}
			chain postrouting { type nat hook postrouting priority srcnat
				oifname "wan" meta nfproto ipv4 $nat4
				oifname "wan" meta nfproto ipv6 $nat6
			}
			chain forward { type filter hook forward priority 0
				$forward
				meta nfproto ipv6 jump forward6
				iifname "lan" accept
				ct state established,related accept
				ct status dnat accept
				$unasked
			}
			chain forward6 {
				$new6
				accept
			}
			# An early packet from outside must not take the port that a host behind is about to use.
			chain input { type filter hook input priority 0
				iifname "wan" meta l4proto { udp, tcp } drop
			}
		}
	END
}

# --- addresses ---

number_of() { # number_of SIDE
	case $1 in
	A) echo 1 ;;
	B) echo 2 ;;
	*) echo "nat.sh: a side is A or B" >&2 && return 2 ;;
	esac
}

set_names() { # set_names HOST IPV6
	local folder=/etc/netns/$LAB$1
	mkdir -p "$folder"
	{
		echo '127.0.0.1 localhost'
		echo "203.0.113.10 $SERVER_NAMES"
		[ "$2" = none ] || echo "2001:db8::10 $SERVER_NAMES"
	} >"$folder/hosts"
	printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$folder/resolv.conf"
}

set_site() { # set_site SIDE KIND IPV6
	local side=$1 kind=$2 ipv6=$3 i net=10 router host text
	i=$(number_of "$side")
	text=$(rules "$kind" "$ipv6")
	net=10.$i.0 router=1
	[ "$kind" != open ] || net=198.51.100 router=$((128 * i - 127))
	host=$((router + 1))
	inside "nat$side" nft -f - <<<"$text"
	ip -n "${LAB}nat$side" addr flush dev lan scope global
	ip -n "${LAB}host$side" addr flush dev eth0 scope global
	ip -n "${LAB}nat$side" addr add "$net.$router/25" dev lan
	ip -n "${LAB}host$side" addr add "$net.$host/25" dev eth0
	ip -n "${LAB}host$side" route replace default via "$net.$router"
	if [ "$ipv6" != none ]; then
		net=2001:db8:$i
		[ "$ipv6" != nat66 ] || net=fd00:$i
		ip -n "${LAB}nat$side" addr add "$net::1/64" dev lan nodad
		ip -n "${LAB}host$side" addr add "$net::2/64" dev eth0 nodad
		ip -n "${LAB}host$side" -6 route replace default via "$net::1"
	fi
	set_names "host$side" "$ipv6"
	inside "nat$side" conntrack -F 2>/dev/null
}

# --- cuts ---

cut() { # cut SIDE WHAT
	local direct4='ip saddr != { 203.0.113.10, 203.0.113.11 } ip daddr != { 203.0.113.10, 203.0.113.11 } drop'
	local direct6='ip6 saddr != { 2001:db8::10, 2001:db8::11 } ip6 daddr != { 2001:db8::10, 2001:db8::11 } drop'
	local dropped
	case $2 in
	all) dropped=drop ;;
	direct) dropped=$direct4$'\n'$direct6 ;;
	direct4) dropped=$direct4 ;;
	direct6) dropped=$direct6 ;;
	*) echo "nat.sh: what is to be cut: $2?" >&2 && return 2 ;;
	esac
	inside "nat$1" nft -f - <<-END
		add table inet cut
		delete table inet cut
		table inet cut {
			chain forward { type filter hook forward priority -1
				$dropped
			}
		}
	END
}

# --- the whole ---

make_core() {
	local where i
	for where in $NAMESPACES; do
		ip netns add "$LAB$where"
		inside "$where" sysctl -qw net.ipv6.conf.default.accept_dad=0 # so that IPv6 addresses are usable at once
		ip -n "$LAB$where" link set lo up
	done
	ip -n "${LAB}inet" link add br0 type bridge
	ip -n "${LAB}inet" link set br0 up
	ip -n "${LAB}inet" addr add 203.0.113.254/24 dev br0
	ip -n "${LAB}inet" addr add 2001:db8::fe/64 dev br0 nodad
	for i in 1 2; do
		ip -n "${LAB}inet" route add "198.51.100.$((128 * i - 128))/25" via "203.0.113.$i"
		ip -n "${LAB}inet" -6 route add "2001:db8:$i::/64" via "2001:db8::$i"
	done
	inside inet sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0
}

make_server() {
	wire srv eth0 inet srv
	ip -n "${LAB}inet" link set srv master br0
	for i in 10 11; do
		ip -n "${LAB}srv" addr add "203.0.113.$i/24" dev eth0
		ip -n "${LAB}srv" addr add "2001:db8::$i/64" dev eth0 nodad
	done
	ip -n "${LAB}srv" route add default via 203.0.113.254
	ip -n "${LAB}srv" -6 route add default via 2001:db8::fe
}

make_site() { # make_site SIDE
	local i
	i=$(number_of "$1")
	wire "nat$1" wan inet "$1"
	wire "host$1" eth0 "nat$1" lan
	ip -n "${LAB}inet" link set "$1" master br0
	ip -n "${LAB}nat$1" addr add "203.0.113.$i/24" dev wan
	ip -n "${LAB}nat$1" addr add "2001:db8::$i/64" dev wan nodad
	ip -n "${LAB}nat$1" route add default via 203.0.113.254
	ip -n "${LAB}nat$1" -6 route add default via 2001:db8::fe
	inside "nat$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

down() {
	local where
	for where in $NAMESPACES; do
		ip netns del "$LAB$where" 2>/dev/null || true
		rm -rf "/etc/netns/$LAB$where"
	done
	rmdir /etc/netns 2>/dev/null || true
}

case ${1:-} in
up)
	make_core
	make_server
	make_site A
	make_site B
	set_site A "$2" "${4:-none}"
	set_site B "$3" "${5:-${4:-none}}"
	;;
set) set_site "$2" "$3" "${4:-none}" ;;
cut) cut "$2" "${3:-all}" ;;
mend) inside "nat$2" nft 'delete table inet cut' ;;
down) down ;;
*) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

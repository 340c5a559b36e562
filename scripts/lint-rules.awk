# lint-rules.awk: the arrows between the folders, for lint-layers.awk and lint-objects.awk.

BEGIN {
	# Folder -> the folders it may use. Arrows run only downwards; ice, dtls, sctp, rtp and sdp do not know each other.
	uses["base"] = "base"
	uses["stun"] = "base stun"
	uses["ice"] = "base stun ice"
	uses["dtls"] = "base dtls"
	uses["sctp"] = "base sctp"
	uses["rtp"] = "base rtp"
	uses["sdp"] = "base sdp"
	uses["peer"] = "base stun ice dtls sctp rtp sdp peer"
	uses["net"] = "base stun ice peer net" # of stun and ice only what needs a socket of its own: tools, the mDNS resolver
	uses["signaling"] = "base signaling"
	uses["apps"] = "base net signaling apps"
	uses["include"] = ""
}

# Whether a file is protocol logic: no I/O, clock, thread, randomness or global of its own.
function pure(file) {
	return file ~ /^(base|stun|ice|dtls|sctp|rtp|sdp|peer|signaling)\// && file !~ /^signaling\/net/
}

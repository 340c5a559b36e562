/*
 * sites.js: where a peer may be, and what two peers at two sites can hope for, worked out from how NATs behave: as
 * tests/sim/site.c does for the simulator.
 */
'use strict';

const KINDS = ['open', 'full-cone', 'addr-restricted', 'port-restricted', 'symmetric', 'udp-blocked', 'tcp443-only'];
/* The best first. */
const WAYS = ['host', 'reflexive', 'tcp', 'relay/udp', 'relay/tcp', 'relay/tls', 'none'];

const hasUdp = (site) => site.kind !== 'udp-blocked' && site.kind !== 'tcp443-only';
const hasIpv6 = (site) => Boolean(site.ipv6) && site.ipv6 !== 'none';
const isSymmetric = (site) => site.kind === 'symmetric';
const isStrict = (site) => isSymmetric(site) || site.kind === 'port-restricted';

/* A mapping nobody can predict shows when a packet gets through, which a filter for addresses and ports keeps out. */
const punches = (a, b) => !(isSymmetric(a) && isStrict(b)) && !(isSymmetric(b) && isStrict(a));

/* nat66 is a NAT of the site's kind over IPv6 too, but what is laxer than port-restricted there is that. */
const overIpv6 = ({ kind, ipv6 }) => ({ kind: ipv6 !== 'nat66' || kind === 'open' ? 'open' : isSymmetric({ kind }) ? kind : 'port-restricted' });
const hasNat66 = (site) => site.ipv6 === 'nat66' && site.kind !== 'open';

function directWay(a, b) {
	if (!hasUdp(a) || !hasUdp(b)) return 'none';
	const both6 = hasIpv6(a) && hasIpv6(b);
	if (both6 && !hasNat66(a) && !hasNat66(b)) return 'host'; /* and stateful firewalls see a packet each way */
	if (a.kind === 'open' && b.kind === 'open') return 'host';
	return punches(a, b) || (both6 && punches(overIpv6(a), overIpv6(b))) ? 'reflexive' : 'none';
}

/* A listener that anybody reaches, and another who may connect to any port. */
function tcpReaches(from, to) {
	const ipv4 = to.kind === 'open';
	const ipv6 = to.ipv6 === 'open' && to.kind !== 'tcp443-only' && hasIpv6(from);
	return from.kind !== 'tcp443-only' && (ipv4 || ipv6);
}

const ownRelay = (site) => (site.kind === 'tcp443-only' ? 'relay/tls' : site.kind === 'udp-blocked' ? 'relay/tcp' : 'relay/udp');
const worse = (a, b) => WAYS[Math.max(WAYS.indexOf(a), WAYS.indexOf(b))];

/* turn: there is a TURN server; iceTcp: peers connect by TCP too. */
function bestWay(a, b, { turn, iceTcp }) {
	const direct = directWay(a, b);
	if (direct !== 'none') return direct;
	if (iceTcp && (tcpReaches(a, b) || tcpReaches(b, a))) return 'tcp';
	return turn ? worse(ownRelay(a), ownRelay(b)) : 'none';
}

module.exports = { KINDS, bestWay };

/* plot.js: goodput against the round trip, a panel for each loss, by gnuplot. */
'use strict';

const { execFileSync } = require('child_process');

const WIDTH = 420; /* of a panel */
const HEIGHT = 380;
const LEAST_MBIT = 0.5; /* the axis begins there */

/* rows of "RTT MBIT", named $NAME. */
function dataBlock(name, points) {
	return `$${name} << END\n${points.map(([x, y]) => `${x} ${Math.max(y, LEAST_MBIT)}`).join('\n')}\nEND\n`;
}

function panel(loss, at, cells, names) {
	const blocks = names.map((name, i) => dataBlock(`d${at}x${i}`, cells.filter((cell) => cell.loss === loss && cell.flows[name] !== undefined).map((cell) => [cell.rtt, cell.flows[name]])));
	const lines = names.map((name, i) => `$d${at}x${i} with linespoints lw 2 pt 7 ps 0.5 lc rgb "${['#1d5bd8', '#0a8f3c', '#8fb0ef', '#8fd6a8', '#d97706'][i]}" title "${name}"`);
	return `${blocks.join('')}set title "loss ${loss} %"\n${at === 0 ? 'set key bottom left' : 'unset key'}\nplot ${lines.join(', ')}\n`;
}

/* cells: [{rtt, loss, flows: {name: Mbit/s}}] */
function plotGoodput(file, cells, names) {
	const losses = [...new Set(cells.map((cell) => cell.loss))];
	const script = `set terminal svg size ${WIDTH * losses.length},${HEIGHT} background "white" font "sans-serif,12"
set output "${file}"
set logscale y
set yrange [${LEAST_MBIT}:700]
set xrange [0:*]
set grid
set xlabel "round trip, ms"
set ylabel "goodput, Mbit/s"
set multiplot layout 1,${losses.length}
${losses.map((loss, i) => panel(loss, i, cells, names)).join('')}unset multiplot
`;
	execFileSync('gnuplot', { input: script });
}

module.exports = { plotGoodput };

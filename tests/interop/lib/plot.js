/* plot.js: lines over time as a picture: an SVG that a page draws and the browser photographs. */
'use strict';

const SIZE = { width: 960, height: 460 };
const MARGIN = { left: 70, right: 20, top: 50, bottom: 50 };
const COLOURS = ['#8a93a6', '#d97706', '#1d5bd8'];

const escape = (text) => text.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char]);

function scales(series) {
	const points = series.flatMap((each) => each.points);
	const xMax = Math.max(...points.map(([x]) => x));
	const yMax = Math.max(...points.map(([, y]) => y)) * 1.08;
	return {
		xMax,
		yMax,
		x: (value) => MARGIN.left + (value / xMax) * (SIZE.width - MARGIN.left - MARGIN.right),
		y: (value) => SIZE.height - MARGIN.bottom - (value / yMax) * (SIZE.height - MARGIN.top - MARGIN.bottom),
	};
}

function grid({ x, y, xMax, yMax }) {
	const lines = [];
	for (let at = 0; at <= xMax; at += 5) {
		lines.push(`<line x1="${x(at)}" x2="${x(at)}" y1="${y(0)}" y2="${y(yMax)}"/><text x="${x(at)}" y="${y(0) + 18}" text-anchor="middle">${at}</text>`);
	}
	for (let at = 0; at <= yMax; at += 500) {
		lines.push(`<line x1="${x(0)}" x2="${x(xMax)}" y1="${y(at)}" y2="${y(at)}"/><text x="${x(0) - 8}" y="${y(at) + 4}" text-anchor="end">${at}</text>`);
	}
	return lines.join('');
}

/* series: [{name, points: [[x, y], ...], steps}]; x in seconds. */
function svg(title, yLabel, series) {
	const scale = scales(series);
	const path = ({ points, steps }) => points.map(([x, y], i) => `${i === 0 ? 'M' : steps ? `H${scale.x(x)}V` : 'L'}${i > 0 && steps ? '' : `${scale.x(x)},`}${scale.y(y)}`).join('');
	const lines = series.map((each, i) => `<path d="${path(each)}" fill="none" stroke="${COLOURS[i]}" stroke-width="2.5"/>`);
	const legend = series.map((each, i) => `<rect x="${MARGIN.left + 250 * i}" y="31" width="22" height="4" fill="${COLOURS[i]}"/>` +
		`<text x="${MARGIN.left + 250 * i + 30}" y="38">${escape(each.name)}</text>`);
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE.width}" height="${SIZE.height}" font-family="sans-serif" font-size="13">
		<rect width="100%" height="100%" fill="#fff"/><text x="${MARGIN.left}" y="20" font-size="15" font-weight="bold">${escape(title)}</text>
		<g stroke="#e3e7ef" fill="#444">${grid(scale).replace(/<text/g, '<text stroke="none"')}</g>${lines.join('')}${legend.join('')}
		<text x="${SIZE.width / 2}" y="${SIZE.height - 10}" text-anchor="middle">seconds</text>
		<text transform="translate(18 ${SIZE.height / 2}) rotate(-90)" text-anchor="middle">${escape(yLabel)}</text></svg>`;
}

/* Draws in a tab of its own. */
async function plot(browser, file, title, yLabel, series) {
	const tab = await browser.open();
	await tab.setSize(SIZE.width, SIZE.height);
	await tab.evaluate((picture) => {
		document.body.style.margin = 0;
		document.body.innerHTML = picture;
	}, svg(title, yLabel, series));
	await tab.screenshot(file);
	await tab.close();
}

module.exports = { plot };

/* statistics.js: of a few samples of each thing, taken in turns: medians, and ratios within a round, which the machine's moods spare. */
'use strict';

function quantile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.round((sorted.length - 1) * share)];
}

const median = (values) => quantile(values, 0.5);

/* Of the samples to those of the same rounds of another: {low, median, high}. */
function ratio(samples, others) {
	const ratios = samples.slice(0, others.length).map((each, i) => each / others[i]);
	return { low: Math.min(...ratios), median: median(ratios), high: Math.max(...ratios) };
}

module.exports = { quantile, median, ratio };

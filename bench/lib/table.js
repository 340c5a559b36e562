/* table.js: rows of text in columns: the first to the left, the others to the right. */
'use strict';

function table(rows) {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
	const line = (row) => row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ');
	return rows.map(line).join('\n');
}

/* Three digits, more or less; what could not be measured is "-". */
function number(value) {
	if (!Number.isFinite(value)) return '-';
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

module.exports = { table, number };

/** What a run found: tables for people, bars that are held or missed, and the samples for machines. */

import type { Ratio } from './statistics.ts';

export type Verdict = 'pass' | 'fail' | 'void' | 'not measured';

/** One thing that was promised. */
export interface Bar {
  text: string;
  limit: number;
  measured?: number;
  ratio?: Ratio;
  verdict: Verdict;
}

/** The first row is the heading. */
export interface Table {
  title: string;
  rows: readonly (readonly string[])[];
}

export interface Report {
  tables: Table[];
  bars: Bar[];
  /** Peers that did not start, with the reason. */
  skipped: { peer: string; reason: string }[];
  /** Everything measured, by name of peer. */
  samples: Record<string, unknown>;
}

/** A bar on a ratio of medians: at most the limit, or at least when `atLeast` is set. */
export function ratioBar(text: string, ratio: Ratio | undefined, limit: number, atLeast = false): Bar {
  if (ratio === undefined) return { text, limit, verdict: 'not measured' };
  const holds = atLeast ? ratio.median >= limit : ratio.median <= limit;
  return { text, limit, ratio, verdict: ratio.void ? 'void' : holds ? 'pass' : 'fail' };
}

/** A bar on one figure: at most the limit. */
export function figureBar(text: string, measured: number | undefined, limit: number): Bar {
  if (measured === undefined) return { text, limit, verdict: 'not measured' };
  return { text, limit, measured, verdict: measured <= limit ? 'pass' : 'fail' };
}

export function ratioText(ratio: Ratio | undefined): string {
  if (ratio === undefined) return '';
  return `${ratio.median.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]${ratio.void ? ' void' : ''}`;
}

export function reportText(report: Report): string {
  const skipped = new Set(report.skipped.map(({ peer, reason }) => `skipped ${peer}: ${reason}`));
  const parts = report.tables.map((table) => `${table.title}\n${tableText(table.rows)}`);
  parts.push([...skipped].join('\n'), report.bars.map(barText).join('\n'));
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function barText(bar: Bar): string {
  const figure = bar.ratio ? ratioText(bar.ratio) : (bar.measured?.toFixed(1) ?? '');
  return `${bar.verdict.padEnd(12)}  ${bar.text}${figure && `: ${figure}`}`;
}

/** The first column to the left, the others to the right. */
function tableText(rows: Table['rows']): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.map((line) => `  ${line}`).join('\n');
}

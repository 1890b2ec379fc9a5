import type { OnEvent, TsimgEvent } from '../../events.ts';
import { escapeText, formatJson } from './escape.ts';
import { formatSize } from './format-size.ts';

/** The form in which progress is shown. */
export type ProgressMode = 'tty' | 'plain' | 'json' | 'none';

/** A display of progress. */
export interface Progress {
  readonly onEvent: OnEvent;
  note(line: string): void;
  close(): void;
}

/** Milliseconds between two drawings of the bars. */
const REDRAW_INTERVAL = 100;

interface Bar {
  readonly label: string;
  done: number;
  readonly size: number;
}

/** Returns the line of an event in a log; undefined for an event without one. */
function plainLine(event: TsimgEvent): string | undefined {
  switch (event.kind) {
    case 'resolved':
      return `${escapeText(event.name)}: ${event.digest}`;
    case 'verified':
      return `${event.digest}: signed by ${escapeText(event.signer)}`;
    case 'blob-done':
      return `${event.digest.slice(0, 19)}: ${event.reused ? 'already exists' : formatSize(event.size)}`;
    case 'layer-done':
      return `${event.diffId.slice(0, 19)}: ${event.entries} ${event.entries === 1 ? 'entry' : 'entries'} unpacked`;
    case 'layer-compressed':
      return `${event.diffId.slice(0, 19)}: ${formatSize(event.from)} stored anew in ${formatSize(event.to)}`;
    case 'retry':
      return `${escapeText(event.what)}: ${escapeText(event.why)}, trying again (${event.attempt})`;
    case 'out-of-memory':
      return 'tsimg: the container ran out of memory (--memory), and the kernel killed a process of it';
    case 'warning':
      return `tsimg: warning: ${escapeText(event.message)}`;
    case 'detail':
      return `tsimg: ${escapeText(event.message)}`;
    case 'blob-started':
    case 'blob-progress':
    case 'layer-started':
    case 'layer-progress':
      return undefined;
  }
}

function drawBar(bar: Bar, columns: number): string {
  const width = Math.max(10, Math.min(40, columns - 50));
  const fraction = bar.size === 0 ? 1 : Math.min(1, bar.done / bar.size);
  const filled = Math.round(width * fraction);
  const drawn = `${'='.repeat(filled)}${' '.repeat(width - filled)}`;
  const line = `${bar.label} [${drawn}] ${formatSize(bar.done)}/${formatSize(bar.size)}`;
  return line.slice(0, Math.max(1, columns - 1));
}

/** Creates a display with bars, which are redrawn at the bottom of a terminal. */
function createTerminalProgress(stream: NodeJS.WriteStream): Progress {
  const bars = new Map<string, Bar>();
  let drawn = 0;
  let lastDraw = 0;

  const erase = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    erase();
    const visible = [...bars.values()].slice(0, Math.max(1, (stream.rows ?? 24) - 2));
    for (const bar of visible) stream.write(`${drawBar(bar, stream.columns ?? 80)}\n`);
    drawn = visible.length;
    lastDraw = Date.now();
  };
  const write = (line: string) => {
    erase();
    stream.write(`${line}\n`);
    draw();
  };

  return {
    onEvent: (event) => {
      if (event.kind === 'blob-started') {
        bars.set(event.digest, { label: event.digest.slice(7, 19), done: 0, size: event.size });
      } else if (event.kind === 'layer-started') {
        const label = `layer ${event.index + 1}/${event.count}`;
        bars.set(event.diffId, { label, done: 0, size: event.size });
      } else if (event.kind === 'blob-progress' || event.kind === 'layer-progress') {
        const bar = bars.get(event.kind === 'blob-progress' ? event.digest : event.diffId);
        if (bar !== undefined) bar.done = event.done;
      } else {
        if (event.kind === 'blob-done') bars.delete(event.digest);
        if (event.kind === 'layer-done' || event.kind === 'layer-compressed') bars.delete(event.diffId);
        const line = plainLine(event);
        if (line !== undefined) write(line);
      }
      if (Date.now() - lastDraw >= REDRAW_INTERVAL) draw();
    },
    note: write,
    close: erase,
  };
}

/**
 * Creates a display of events on a stream. `tty` draws bars; `plain` writes lines as for a log; `json` writes each
 * event of src/events.ts as a line; `none` writes warnings only.
 */
export function createProgress(mode: ProgressMode, stream: NodeJS.WriteStream): Progress {
  if (mode === 'tty') return createTerminalProgress(stream);
  const note = (line: string) => void stream.write(`${line}\n`);
  const onEvent: OnEvent = (event) => {
    if (mode === 'json') {
      note(formatJson(event));
      return;
    }
    if (mode === 'none' && event.kind !== 'warning') return;
    const line = plainLine(event);
    if (line !== undefined) note(line);
  };
  return { onEvent, note, close: () => {} };
}

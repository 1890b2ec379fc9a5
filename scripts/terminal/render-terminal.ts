// A recorded terminal as one SVG that any page can show by <img>: no script, no font and no picture from elsewhere. It
// is readable on light and dark pages, for it brings its own background. Commands and output appear one after another
// (CSS); where animations are not shown, or not wanted, everything is there at once.

/** A command and its output, standard output and errors in one. */
export interface TerminalStep {
  readonly command: string;
  readonly output: string;
}

/** Characters in a row; a longer line goes on in the next row, as on a terminal. */
export const COLUMNS = 100;
/** A session with more rows than this is no picture any more. */
export const MAX_ROWS = 48;

/** Pixels. */
const CELL = { width: 7.8, height: 18 };
const MARGIN = 16;
const TITLE_BAR = 32;
const STEP_GAP = 8;
const FONT_SIZE = 13;
/** Seconds from one step to the next, and from a command to its output. */
const STEP_PAUSE = 1.6;
const OUTPUT_PAUSE = 0.7;

const FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";
const STYLE = `text{font-family:${FONTS};font-size:${FONT_SIZE}px;fill:#c9d1d9}
.p{fill:#7ee787}.c{fill:#fff;font-weight:bold}.w{fill:#8b949e}
g{animation:show .01s backwards}
@keyframes show{from{opacity:0}}
@media (prefers-reduced-motion:reduce){g{animation:none}}`;

interface Row {
  /** `p` a prompt with its command, `w` a comment, `o` other output. */
  readonly kind: 'p' | 'w' | 'o';
  readonly text: string;
}

/** Escapes control characters, and characters whose width depends on the font, as `\uXXXX`. */
function plainCells(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a1-\u024f\u2010-\u2027]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The rows of one line. */
function wrap(line: string, width: number): readonly string[] {
  const cells = plainCells(line);
  const rows = cells.match(new RegExp(`.{1,${width}}`, 'g'));
  return rows ?? [''];
}

function rowsOf(text: string, kind: (line: string) => Row['kind'], width = COLUMNS): readonly Row[] {
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.flatMap((line) => wrap(line, width).map((row): Row => ({ kind: kind(line), text: row })));
}

/**
 * Returns the texts of a row, which columns divide. Each text has its place and width in the picture, so that columns
 * are aligned in every font, and no renderer has to keep more than one space.
 */
function drawText(kind: string, text: string, column: number, y: number): string {
  return [...text.matchAll(/\S+(?: \S+)*/g)]
    .map(({ 0: part, index }) => {
      const x = (MARGIN + (column + index) * CELL.width).toFixed(1);
      const attributes = `x="${x}" y="${y}" textLength="${(part.length * CELL.width).toFixed(1)}"`;
      const style = kind === 'o' ? '' : ` class="${kind}"`;
      return `<text${style} ${attributes} lengthAdjust="spacingAndGlyphs">${escapeXml(part)}</text>`;
    })
    .join('');
}

function drawRow(row: Row, y: number): string {
  if (row.kind !== 'p') return drawText(row.kind, row.text, 0, y);
  return drawText('p', row.text.slice(0, 2), 0, y) + drawText('c', row.text.slice(2), 2, y);
}

function group(id: string, rows: readonly Row[], y: number): string {
  return `<g id="${id}">\n${rows.map((row, index) => drawRow(row, y + index * CELL.height)).join('\n')}\n</g>`;
}

/**
 * The picture of a session. The same steps give the same bytes.
 * @param title the text above it, which a screen reader reads too
 * @throws an Error where it has more than `MAX_ROWS` rows
 */
export function renderTerminal(title: string, steps: readonly TerminalStep[]): string {
  const groups: string[] = [];
  const delays: string[] = [];
  let rows = 0;
  let y = TITLE_BAR + MARGIN;
  const add = (id: string, added: readonly Row[], delay: number) => {
    groups.push(group(id, added, y));
    delays.push(`#${id}{animation-delay:${delay.toFixed(1)}s}`);
    rows += added.length;
    y += added.length * CELL.height;
  };
  for (const [index, { command, output }] of steps.entries()) {
    const start = index * STEP_PAUSE;
    const typed = rowsOf(command, () => 'p', COLUMNS - 2).map(
      (row, at): Row => ({ kind: 'p', text: (at === 0 ? '$ ' : '  ') + row.text }),
    );
    add(`c${index}`, typed, start);
    const printed = rowsOf(output, (line) => (line.startsWith('# ') ? 'w' : 'o'));
    if (output !== '') add(`o${index}`, printed, start + OUTPUT_PAUSE);
    y += STEP_GAP;
  }
  if (rows > MAX_ROWS) throw new Error(`the recorded terminal has ${rows} rows, more than ${MAX_ROWS}`);
  const width = Math.ceil(COLUMNS * CELL.width + 2 * MARGIN);
  const height = y - STEP_GAP + 2;
  const name = escapeXml(plainCells(title));
  const lights = ['#ff5f57', '#febc2e', '#28c840']
    .map((color, index) => `<circle cx="${20 + index * 20}" cy="17" r="6" fill="${color}"/>`)
    .join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${name}</title>
<style>
${STYLE}
${delays.join('\n')}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="#0d1117" stroke="#484f58"/>
${lights}
<text class="w" x="${width / 2}" y="21" text-anchor="middle">${name}</text>
${groups.join('\n')}
</svg>
`;
}

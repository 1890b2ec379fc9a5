// Text as mdoc(7) has it, for groff and mandoc alike.

const MAX_LINE = 78;

/** One character that is not ASCII, or that roff takes for something else. */
function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\\') return '\\e';
  if (character === "'") return '\\(aq';
  if (character === '’') return '\\(cq';
  return code < 0x80 ? character : `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
}

function escapeText(text: string): string {
  return [...text].map(escapeCharacter).join('');
}

/** Returns the lines of a text: each sentence begins a line, and no line looks like a request of roff. */
export function mdocText(text: string): string {
  const lines: string[] = [];
  for (const sentence of text.split(/(?<=[.!?]) /)) {
    let line = '';
    for (const word of escapeText(sentence).split(' ')) {
      if (line !== '' && line.length + 1 + word.length > MAX_LINE) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => (/^[.']/.test(line) ? `\\&${line}` : line)).join('\n');
}

/** A line of a literal display. */
export function mdocLiteral(line: string): string {
  return escapeText(line).replace(/^\./, '\\&.').replaceAll('~', '\\(ti');
}

/** Words behind a macro, none of which is taken for a macro or for punctuation that ends its text. */
export function mdocWords(text: string): string {
  return escapeText(text)
    .split(' ')
    .map((word) => (/^[A-Z][a-z]{1,2}$|^[.,:;()[\]?!|]|[.,:;()[\]?!|]$/.test(word) ? `\\&${word}\\&` : word))
    .map((word) => word.replaceAll('"', '\\(dq'))
    .join(' ');
}

/** `.Fl e , -env Ar name[=value]` of `-e, --env <name[=value]>`. */
export function mdocFlags(flags: string): string {
  const [, names = flags, value] = /^([^<[]*?)(?: (<.*>|\[.*\]))?$/.exec(flags) ?? [];
  const shown = names.split(', ').map((name) => `Fl ${name.slice(1)}`);
  const inner = value?.slice(1, -1) ?? '';
  const argument =
    value === undefined ? '' : value.startsWith('[') ? ` Oo Ar ${mdocWords(inner)} Oc` : ` Ar ${mdocWords(inner)}`;
  return `${shown.join(' , ')}${argument}`;
}

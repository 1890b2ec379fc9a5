import { replaceUnsafe, unicodeEscape } from '../../unsafe-text.ts';

/**
 * Escapes text from outside (names, tags, messages of servers) for a terminal, where `replaceUnsafe` finds unsafe
 * characters: a file name of an image can then neither move the cursor nor look like another name.
 */
export function escapeText(text: string): string {
  return replaceUnsafe(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
  });
}

/** Escapes a text with lines and columns of tsimg's own: line feeds and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeText);
}

/**
 * Returns a file name of tar (bytes, one per character) as text for a terminal. A name that is not UTF-8 has its other
 * bytes as `\xNN`.
 */
export function displayName(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return escapeText(Buffer.from(text, 'utf8').equals(buffer) ? text : bytes);
}

/**
 * Formats a value as JSON. Characters that a terminal would obey are `\uXXXX`, which is the same value in JSON.
 * @param indent spaces for each level; one line when absent
 */
export function formatJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(/[^\n]+/g, (line) => replaceUnsafe(line, unicodeEscape));
}

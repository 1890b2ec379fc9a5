import { replaceUnsafe, unicodeEscape } from '../../unsafe-text.ts';

/**
 * Text from outside (names, tags, server messages) made safe for a terminal: what `replaceUnsafe` finds is shown as escapes, so
 * that an image's file name can neither move the cursor nor pose as another.
 */
export function escapeText(text: string): string {
  return replaceUnsafe(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
  });
}

/** The same for what has several lines and columns of ours: line feeds and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeText);
}

/** A file name as tar keeps it (bytes, one per character) as text: UTF-8 where it is UTF-8, else its odd bytes as `\xNN`. */
export function displayName(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return escapeText(Buffer.from(text, 'utf8').equals(buffer) ? text : bytes);
}

/**
 * A value as all of tsimg's JSON is printed: what a terminal would obey is `\uXXXX` in it, which is the same value to whoever
 * reads it as JSON.
 * @param indent spaces a level; one line when absent
 */
export function formatJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(/[^\n]+/g, (line) => replaceUnsafe(line, unicodeEscape));
}

/**
 * What may move a terminal's cursor, hide in a text or make it pose as another: control characters (C0, DEL, C1),
 * format characters (bidirectional controls, zero-width and tag characters), line separators of Unicode, and halves of
 * characters.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text from outside with each unsafe character written otherwise; two halves of one character are one. */
export function replaceUnsafe(text: string, write: (character: string) => string): string {
  return text.replace(UNSAFE, write);
}

/** `\uXXXX` for each half: JSON's own way, by which the value stays the same. RFC 8259, section 7. */
export function unicodeEscape(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}

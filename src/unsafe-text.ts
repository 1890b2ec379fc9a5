/**
 * Characters that may move a terminal's cursor, hide in a text or disguise it: control characters (C0, DEL, C1), format
 * characters (bidirectional controls, zero-width and tag characters), Unicode's line separators, and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Replaces each unsafe character of a text from outside; a surrogate pair is one character. */
export function replaceUnsafe(text: string, write: (character: string) => string): string {
  return text.replace(UNSAFE, write);
}

/** `\uXXXX` for each UTF-16 unit: JSON's escape, so that the value stays the same. RFC 8259, section 7. */
export function unicodeEscape(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}

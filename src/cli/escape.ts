/**
 * Text from outside (names, tags, server messages) made safe for a terminal: C0, DEL, C1 and the bidirectional overrides are
 * shown as escapes, so that an image's file name can neither move the cursor nor pose as another.
 */
export function escapeText(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => {
      const code = character.charCodeAt(0);
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );
}

/** A file name as tar keeps it (bytes, one per character) as text: UTF-8 where it is UTF-8, else its odd bytes as `\xNN`. */
export function displayName(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return escapeText(Buffer.from(text, 'utf8').equals(buffer) ? text : bytes);
}

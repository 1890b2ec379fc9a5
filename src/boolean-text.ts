/** Parses true and false in the spellings of Go's tools, in either case; undefined for any other text. */
export function parseBooleanText(text: string): boolean | undefined {
  if (/^(1|t|true)$/i.test(text)) return true;
  return /^(0|f|false)$/i.test(text) ? false : undefined;
}

import { TsimgError } from '../../errors.ts';

/** docker's default. */
export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** Parses keys as docker has them: letters and `ctrl-` combinations, separated by commas; '' for none. @throws USAGE */
export function parseDetachKeys(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  const keys = text.split(',').map((key) => {
    if (/^[\x21-\x7e]$/.test(key)) return key.charCodeAt(0);
    const letter = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key)?.[1];
    if (letter !== undefined) return letter.toUpperCase().charCodeAt(0) & 0x1f;
    throw new TsimgError('USAGE', 'not a key', {
      where: `--detach-keys ${text}`,
      why: key === '' ? 'a key is empty' : key,
      hint: "write letters and ctrl-LETTER, separated by commas, such as ctrl-p,ctrl-q; '' for no keys",
    });
  });
  return Buffer.from(keys);
}

/** The part of typed input that is passed on, and whether the keys were typed. */
export interface Typed {
  readonly pass: Buffer;
  readonly detaches: boolean;
}

/**
 * Returns a function that looks for the keys in typed input, piece by piece. A part of the keys is held back until it
 * is known whether the rest follows.
 */
export function keyWatch(keys: Buffer): (chunk: Buffer) => Typed {
  let matched = 0;
  return (chunk) => {
    if (keys.length === 0) return { pass: chunk, detaches: false };
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== keys[matched]) {
        pass.push(...keys.subarray(0, matched));
        matched = 0;
      }
      if (byte === keys[matched]) matched += 1;
      else pass.push(byte);
      if (matched === keys.length) return { pass: Buffer.from(pass), detaches: true };
    }
    return { pass: Buffer.from(pass), detaches: false };
  };
}

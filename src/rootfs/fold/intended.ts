import type { SpecialKind } from '../node.ts';

/** The xattr in which tsimg records the mode and the device that an ordinary user could not make. */
export const INTENDED = 'user.tsimg.intended';

/** The intended mode of a file, and the device that the file stands for. */
export interface Intended {
  readonly mode: number;
  readonly device?: { readonly kind: SpecialKind; readonly major: number; readonly minor: number } | undefined;
}

const DEVICE_LETTER: Readonly<Record<SpecialKind, string>> = {
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
};

const SPECIAL_KINDS: readonly SpecialKind[] = ['character-device', 'block-device', 'fifo'];

/** Formats it: `0555`, or `0660 b 8 1` for a device (the letters of mknod(1), major, minor). */
export function formatIntended({ mode, device }: Intended): string {
  const octal = `0${mode.toString(8)}`;
  return device === undefined ? octal : `${octal} ${DEVICE_LETTER[device.kind]} ${device.major} ${device.minor}`;
}

/** Parses the text of `formatIntended`; undefined for any other text. */
export function parseIntended(text: string): Intended | undefined {
  const [, octal, letter, major, minor] = /^0([0-7]{1,4})(?: ([cbp]) ([0-9]{1,9}) ([0-9]{1,9}))?$/.exec(text) ?? [];
  if (octal === undefined) return undefined;
  const mode = Number.parseInt(octal, 8);
  const kind = SPECIAL_KINDS.find((each) => DEVICE_LETTER[each] === letter);
  return kind === undefined ? { mode } : { mode, device: { kind, major: Number(major), minor: Number(minor) } };
}

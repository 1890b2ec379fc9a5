import { TsimgError } from '../../errors.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
  ['t', 1024 ** 4],
]);

/** `64m`, `1g`, `4096`, as docker's and podman's options take them → bytes. Units are powers of 1024. @throws USAGE */
export function parseSize(text: string, option: string): number {
  const [, digits = '', unit = ''] = /^([0-9]{1,15})([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS.get(unit.toLowerCase()) ?? Number.NaN);
  if (digits !== '' && Number.isSafeInteger(bytes)) return bytes;
  throw new TsimgError('USAGE', 'not a size', {
    where: `${option} ${text}`,
    hint: 'bytes, or a number with k, m or g',
  });
}

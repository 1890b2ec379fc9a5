import { TsimgError } from '../../errors.ts';

/** The forms in which layers are stored. */
export const COMPRESSIONS = ['gzip', 'zstd', 'none'] as const;

/** A form in which a layer is stored. */
export type LayerCompression = (typeof COMPRESSIONS)[number];

/** How layers are compressed. */
export interface CompressionChoice {
  readonly kind: LayerCompression;
  /** gzip 0 … 9, default 6; zstd 1 … 22, default 3. */
  readonly level?: number | undefined;
}

const LEVELS: Readonly<Record<LayerCompression, readonly [least: number, most: number] | undefined>> = {
  gzip: [0, 9],
  zstd: [1, 22],
  none: undefined,
};

/** Checks a choice before anything is read. @throws USAGE */
export function checkCompression({ kind, level }: CompressionChoice): void {
  if (level === undefined) return;
  const range = LEVELS[kind];
  if (range !== undefined && Number.isInteger(level) && level >= range[0] && level <= range[1]) return;
  throw new TsimgError('USAGE', 'no such level of compression', {
    where: `--compression-level ${level}`,
    why: range === undefined ? `${kind} has no levels` : `${kind} has levels ${range[0]} to ${range[1]}`,
  });
}

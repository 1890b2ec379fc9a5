import { type Command, Option } from 'commander';
import { TsimgError } from '../../errors.ts';
import { COMPRESSIONS, type CompressionChoice, type LayerCompression } from '../../streams/compress/choice.ts';
import { wholeNumber } from './parsers.ts';

/** The options of `withRecompression`, as commander names them. */
export interface RecompressionOptions {
  readonly compression: LayerCompression | 'keep';
  readonly compressionLevel?: number;
}

/** Options of all verbs that compress layers, in the words of commander. */
const COMPRESSION_LEVEL = [
  '--compression-level <n>',
  'gzip 0 to 9 (default: 6), zstd 1 to 22 (default: 3)',
  wholeNumber,
] as const;

/** Adds the options of verbs that bring an image elsewhere, with its layers in another form. */
export function withRecompression(command: Command): Command {
  return command
    .addOption(
      new Option('--compression <form>', 'how layers are stored there; the digest of the image changes')
        .choices([...COMPRESSIONS, 'keep'])
        .default('keep'),
    )
    .option(...COMPRESSION_LEVEL);
}

/** Returns these options for the library; undefined where layers stay as they are. @throws USAGE */
export function recompressionChoice({
  compression: kind,
  compressionLevel: level,
}: RecompressionOptions): CompressionChoice | undefined {
  if (kind !== 'keep') return { kind, level };
  if (level === undefined) return undefined;
  throw new TsimgError('USAGE', '--compression-level says nothing about layers that stay as they are', {
    where: `--compression-level ${level}`,
    hint: 'add --compression gzip or --compression zstd',
  });
}

/** Options of verbs that make a layer, as commander names them. */
export interface NewLayerOptions {
  readonly compression?: LayerCompression;
  readonly compressionLevel?: number;
}

/** Adds the options of verbs that make a layer. @param byDefault what help says of the default */
export function withLayerCompression(command: Command, byDefault: string): Command {
  return command
    .addOption(
      new Option('--compression <form>', `how layers are stored (default: ${byDefault})`).choices([...COMPRESSIONS]),
    )
    .option(...COMPRESSION_LEVEL);
}

/** Returns these options for the library; undefined for the default. */
export function layerCompression({
  compression,
  compressionLevel: level,
}: NewLayerOptions): CompressionChoice | undefined {
  const kind = compression ?? (level === undefined ? undefined : 'gzip');
  return kind && { kind, level };
}

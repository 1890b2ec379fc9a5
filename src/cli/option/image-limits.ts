import { type Command, InvalidArgumentError } from 'commander';
import { parseByteSize } from '../../byte-size.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';

/** Parses an option that takes a size. Returns bytes. */
export function parseSize(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('It takes bytes, or a number with k, m, g or t.');
  return bytes;
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It takes a whole number.');
  return Number(text);
}

/** Adds the limits of verbs that decompress an archive. `withSource` has that of documents. */
export function withExpansionLimits(command: Command): Command {
  return command
    .optionsGroup('Limits of an image:')
    .option('--max-size <size>', 'the most bytes of all layers after decompression (default: no limit)', parseSize)
    .option(
      '--max-ratio <n>',
      'the most bytes for each compressed byte, beyond the first GiB (default: 200)',
      parseCount,
    );
}

/** Adds the limits of verbs that read layers. */
export function withLimits(command: Command): Command {
  return withExpansionLimits(command)
    .optionsGroup('Limits of an image:')
    .option('--max-entries <n>', 'the most files that the layers make (default: 4000000)', parseCount)
    .option('--max-depth <n>', 'the most names in one path (default: 512)', parseCount)
    .option('--max-header <size>', "the most bytes of one file's long names and attributes (default: 1m)", parseSize);
}

/** Returns the limits among a command's options. */
export function limitChoice(options: ImageLimits): ImageLimits {
  const { maxSize, maxRatio, maxDocument, maxEntries, maxDepth, maxHeader } = options;
  return { maxSize, maxRatio, maxDocument, maxEntries, maxDepth, maxHeader };
}

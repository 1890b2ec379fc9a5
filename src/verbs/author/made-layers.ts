import { stat } from 'node:fs/promises';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import type { LayerFile } from '../layers/layer-file.ts';
import { archiveLayer } from './archive-layer.ts';
import { type DirectoryOptions, directoryLayer, type LayerParts } from './directory-layer.ts';

/** How directories and archives become layers. */
export interface MadeLayersOptions extends DirectoryOptions {
  /** Default: gzip; an archive that is compressed stays as it is. */
  readonly compression?: CompressionChoice | undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  if (path === '-') return false;
  // A missing file is told when it is opened.
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Makes a layer of a directory or of an archive. @throws as `directoryLayer` and `archiveLayer` */
export async function layerFrom(
  path: string,
  parts: Omit<LayerParts, 'compression' | 'base'>,
  options: MadeLayersOptions,
): Promise<LayerFile> {
  const { compression, limits, signal, onEvent } = options;
  const layer = (await isDirectory(path))
    ? await directoryLayer(path, { ...parts, compression: compression ?? { kind: 'gzip' } }, options)
    : undefined;
  return layer ?? (await archiveLayer(path, { compression, limits, stdin: () => process.stdin, signal, onEvent }));
}

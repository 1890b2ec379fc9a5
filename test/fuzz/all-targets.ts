import type { Target } from './target.ts';
import { gzipTarget, zstdTarget } from './targets/decompress.ts';
import { documentsTarget } from './targets/documents.ts';
import { imagesTarget } from './targets/images.ts';
import { LAYER_TARGETS } from './targets/layers.ts';
import { paxTarget } from './targets/pax.ts';
import { REGISTRY_TARGETS } from './targets/registries.ts';
import { SIGNATURE_TARGETS } from './targets/signatures.ts';
import { tarDifferentialTarget } from './targets/tar-differential.ts';
import { tarReaderTarget } from './targets/tar-reader.ts';
import { TEXT_TARGETS } from './targets/texts.ts';

/** The targets that read tar. test/tar/fuzz.test.ts runs them. */
export const TAR_TARGETS: readonly Target[] = [tarReaderTarget, tarDifferentialTarget, paxTarget];

/** The targets that take other bytes from outside. */
export const OTHER_TARGETS: readonly Target[] = [
  gzipTarget,
  zstdTarget,
  ...LAYER_TARGETS,
  imagesTarget,
  documentsTarget,
  ...TEXT_TARGETS,
  ...REGISTRY_TARGETS,
  ...SIGNATURE_TARGETS,
];

export const TARGETS: readonly Target[] = [...TAR_TARGETS, ...OTHER_TARGETS];

import type { Reference } from '../../oci/reference.ts';

/** The place that an image comes from. Paths are absolute and without symbolic links. */
export type PolicySubject =
  | { readonly transport: 'docker'; readonly reference: Reference }
  | { readonly transport: 'docker-archive' }
  | { readonly transport: 'oci' | 'oci-archive' | 'dir'; readonly path: string };

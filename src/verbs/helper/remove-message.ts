import type { PortableError } from '../../sys/portable-error.ts';

/** What the process tells that removes trees in a user namespace. */
export type RemoveMessage =
  /** `bytes`: what the tree occupied. */
  | { readonly kind: 'removed'; readonly bytes: number }
  | { readonly kind: 'kept'; readonly path: string; readonly error: PortableError };

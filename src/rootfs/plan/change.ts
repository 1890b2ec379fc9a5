import type { Body, Bucket } from '../body.ts';
import type { Attributes, SpecialKind } from '../node.ts';
import type { RootfsPath } from '../path.ts';

/** Where a file's content is taken from. */
export type BodySource =
  /** A body that was stored while its layer was read. It is used up. */
  | { readonly from: 'pool'; readonly body: Body }
  /** A file in the unpacked form of a lower layer, which stays as it is. */
  | { readonly from: 'layer'; readonly layer: number; readonly path: RootfsPath };

/**
 * One step of making a root filesystem (or the overlay form of one layer) in an empty directory. A list of them can
 * be printed, compared and tested without a disk. Parents stand before what is in them; nothing is ever removed.
 */
export type Change =
  /**
   * A directory, open to its maker; its attributes come when all below it is there. Not yielded for the root. It is empty, or a bucket of
   * bodies, all of which are to be placed by what follows.
   */
  | { readonly kind: 'directory'; readonly path: RootfsPath; readonly bucket?: Bucket | undefined }
  | {
      readonly kind: 'file';
      readonly path: RootfsPath;
      readonly attributes: Attributes;
      /** Undefined for an empty file. */
      readonly source: BodySource | undefined;
    }
  | { readonly kind: 'symlink'; readonly path: RootfsPath; readonly attributes: Attributes; readonly target: string }
  /** Another name of what an earlier change made. */
  | { readonly kind: 'hardlink'; readonly path: RootfsPath; readonly target: RootfsPath }
  | {
      readonly kind: SpecialKind;
      readonly path: RootfsPath;
      readonly attributes: Attributes;
      readonly major: number;
      readonly minor: number;
    }
  /** The attributes of a directory, after the last change in it or beneath it; '' for the root. */
  | { readonly kind: 'attributes'; readonly path: RootfsPath; readonly attributes: Attributes }
  /** Overlay form: hides this name of the layers below (a character device 0/0). */
  | { readonly kind: 'whiteout'; readonly path: RootfsPath }
  /** Overlay form: hides all that layers below have in this directory (an xattr). */
  | { readonly kind: 'opaque'; readonly path: RootfsPath };

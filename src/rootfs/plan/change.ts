import type { Body, Bucket } from '../body.ts';
import type { Attributes, SpecialKind } from '../node.ts';
import type { RootfsPath } from '../path.ts';

/** The source of the content of a file. */
export type BodySource =
  /** A body that was stored while its layer was read. It can be placed once. */
  | { readonly from: 'pool'; readonly body: Body }
  /** A file in the unpacked form of a lower layer. It is copied. */
  | { readonly from: 'layer'; readonly layer: number; readonly path: RootfsPath };

/**
 * One step of making a root filesystem (or the overlay form of one layer) in an empty directory. A list of changes can
 * be printed, compared and tested without a disk. Parents come before their children, and no change removes anything.
 */
export type Change =
  /**
   * A directory, empty or made of a bucket, whose bodies are all placed by later changes. Only its maker can enter it
   * at first; its attributes are set after everything below it. There is none for the root.
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
  /** Another name of a file that an earlier change made. */
  | { readonly kind: 'hardlink'; readonly path: RootfsPath; readonly target: RootfsPath }
  | {
      readonly kind: SpecialKind;
      readonly path: RootfsPath;
      readonly attributes: Attributes;
      readonly major: number;
      readonly minor: number;
    }
  /** The attributes of a directory, after the last change in or beneath it; the path is empty for the root. */
  | { readonly kind: 'attributes'; readonly path: RootfsPath; readonly attributes: Attributes }
  /** Overlay form: hides this name of the layers below (a character device 0/0). */
  | { readonly kind: 'whiteout'; readonly path: RootfsPath }
  /** Overlay form: hides everything of the layers below in this directory (an xattr). */
  | { readonly kind: 'opaque'; readonly path: RootfsPath };

/**
 * A directory of the pool for the files of one directory of a layer. If all of them belong into one directory of the
 * tree, under their own names, the bucket becomes this directory, and none of its files is touched again.
 */
export interface Bucket {
  /** Its name in the pool. */
  readonly name: string;
  /** The number of bodies in it; final when the layer was read. */
  files: number;
}

/** The place of the content of a file in the pool, until it is placed. */
export interface Body {
  /** Undefined for the pool itself. */
  readonly bucket: Bucket | undefined;
  /** A number; in a bucket, the last component of the name of the entry (bytes, latin1). */
  readonly name: string;
}

/** Returns the name of a body relative to the pool. */
export function nameInPool({ bucket, name }: Body): string {
  return bucket === undefined ? name : `${bucket.name}/${name}`;
}

/**
 * A directory of the pool for the files of one directory of a layer: where all of them are placed in one directory, under their own
 * names, it becomes that one, and none of them is touched again.
 */
export interface Bucket {
  /** In the pool. */
  readonly name: string;
  /** How many bodies are in it; final when the layer was read. */
  files: number;
}

/** Where the content of a file lies in the pool until it is placed. */
export interface Body {
  /** Undefined for the pool itself. */
  readonly bucket: Bucket | undefined;
  /** A number of tsimg's own; in a bucket, the last component of the entry's name (bytes, latin1). */
  readonly name: string;
}

/** The body's name relative to the pool. */
export function nameInPool({ bucket, name }: Body): string {
  return bucket === undefined ? name : `${bucket.name}/${name}`;
}

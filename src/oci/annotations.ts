/** Annotations by which images are named in a layout's index.json. OCI image spec, annotations.md; containerd's. */
export const ANNOTATION = {
  /** A tag, or a full reference, as the writer liked. */
  refName: 'org.opencontainers.image.ref.name',
  /** Always a full reference. */
  containerdName: 'io.containerd.image.name',
  /**
   * tsimg's own: the digest of the index that the image was chosen from, which is what the name stands for at its
   * registry.
   */
  chosenFrom: 'io.tsimg.image.chosen-from',
} as const;

/** Annotations that name images in a layout's index.json. OCI image spec, annotations.md; containerd's. */
export const ANNOTATION = {
  /** A tag or a full reference: writers differ. */
  refName: 'org.opencontainers.image.ref.name',
  /** Always a full reference. */
  containerdName: 'io.containerd.image.name',
  /**
   * tsimg's own: the digest of the index that the image was chosen from. At the registry, the name stands for that
   * index.
   */
  chosenFrom: 'io.tsimg.image.chosen-from',
  /** The tag that a signature, kept beside an image, had in the image's repository. */
  attachedAt: 'io.tsimg.attached-at',
} as const;

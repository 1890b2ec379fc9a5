/** The descriptors of a helper, by which the caller speaks with it. */
export const DESCRIPTOR = {
  /** Its standard error. */
  complaints: 2,
  /** Its input: the request. */
  control: 3,
  /** Its output: a message a line. */
  status: 4,
  /** An archive, to the helper or from it. */
  archive: 5,
  /** The root directory of a running container. */
  root: 6,
} as const;

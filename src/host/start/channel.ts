/** Descriptors of a program of ours, or of a tool's, that a caller speaks with. */
export const DESCRIPTOR = {
  /** What it complains of. */
  complaints: 2,
  /** To it: a line. */
  control: 3,
  /** From it: a message a line. */
  status: 4,
  /** Where it gets or gives an archive. */
  archive: 5,
  /** The root of a container that runs. */
  root: 6,
} as const;

/** Descriptors of a program of ours, or of a tool's, that a caller speaks with. */
export const DESCRIPTOR = {
  /** What it complains of. */
  complaints: 2,
  /** To it: a line. */
  control: 3,
  /** From it: a message a line. */
  status: 4,
  /** The container's standard streams, which become 0, 1 and 2 at the end. */
  stdin: 5,
  stdout: 6,
  stderr: 7,
} as const;

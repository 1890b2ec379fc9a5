// What the stub's program and its caller agree on: where its memory is, and how a request lies in it.

/**
 * The address of the stub's memory, in which requests are laid: the same in every stub. Bytes that nobody touches cost
 * nothing.
 */
export const MEMORY = 0x1000_0000;
/** Its size: an execve(2) may take two megabytes of arguments. */
export const MEMORY_SIZE = 0x40_0000;

/** A request begins with its own length, 8 bytes. Its calls follow. */
export const FIRST_CALL = 8;

/** Where the parts of a call lie, in bytes from its beginning; all are 8 bytes, but the two descriptors. */
export const CALL = {
  number: 0,
  /** Six of them. */
  arguments: 8,
  result: 56,
  /** The caller's own: which call of the request it is. */
  tag: 64,
  /** What a stub goes on reading from and writing to where this call returns 0: 4 bytes each. */
  input: 72,
  output: 76,
  /** The address of the call to make after this one unless it fails; 0: answer. */
  next: 80,
  /** Two of struct iovec: what the answer consists of. The first is the result and the tag. */
  ranges: 88,
  size: 120,
} as const;

/** Result and tag, which every answer begins with: bytes. */
export const ANSWER_SIZE = 16;

// The protocol between the stub's program and its caller: where the stub's memory is, and the layout of a request in
// it.

/** The address of a stub's memory for requests, the same in every stub. Untouched pages cost nothing. */
export const MEMORY = 0x1000_0000;
/** The size of that memory: execve(2) may take two megabytes of arguments. */
export const MEMORY_SIZE = 0x40_0000;

/** The size of a request's head: its length, 8 bytes. The calls follow. */
export const FIRST_CALL = 8;

/** The offsets of a call's parts: bytes. All parts have 8 bytes, except for the two descriptors. */
export const CALL = {
  number: 0,
  /** Six arguments. */
  arguments: 8,
  result: 56,
  /** A number for the caller: which call of the request it is. */
  tag: 64,
  /** The descriptors that a stub reads from and writes to after this call returns 0: 4 bytes each. */
  input: 72,
  output: 76,
  /** The address of the next call, made unless this one fails; 0: answer. */
  next: 80,
  /** Three of struct iovec: the parts of the answer. The first is the result and the tag. */
  ranges: 88,
  /** The address of a list of addresses, up to a 0, to which the result is written too; 0: no list. */
  stores: 136,
  /** A result after which the call at `otherwise` is made, be it an error; 0 there: answer. */
  expected: 144,
  otherwise: 152,
  size: 160,
} as const;

/** A result that no call has: it stands for nothing expected. */
export const NO_RESULT = -(2n ** 63n);

/** The size of the result and the tag, which begin every answer: bytes. */
export const ANSWER_SIZE = 16;

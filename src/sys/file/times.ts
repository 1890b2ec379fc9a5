/** Two `struct timespec` of <time.h> for one call, on little-endian machines of 64 bits. */
const times = Buffer.alloc(32);
const words = new Int32Array(times.buffer, times.byteOffset, times.length / Int32Array.BYTES_PER_ELEMENT);

/**
 * Times of access and change, the same: for the next call, of which the kernel has a copy when it returns.
 * @param seconds since the epoch, negative before it @param nanoseconds counted forward
 */
export function bothTimes(seconds: number, nanoseconds: number): Buffer {
  for (const at of [0, 4]) {
    words[at] = seconds;
    words[at + 1] = Math.floor(seconds / 2 ** 32);
    words[at + 2] = nanoseconds;
  }
  return times;
}

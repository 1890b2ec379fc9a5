/** Two `struct timespec` of <time.h> for one call, on 64-bit little-endian machines. */
const times = Buffer.alloc(32);
const words = new Int32Array(times.buffer, times.byteOffset, times.length / Int32Array.BYTES_PER_ELEMENT);

/**
 * Returns one time as the times of access and change, in memory for the next call: the kernel has a copy when the call
 * returns.
 * @param seconds since the epoch, negative before it
 * @param nanoseconds counted forward
 */
export function bothTimes(seconds: number, nanoseconds: number): Buffer {
  for (const at of [0, 4]) {
    words[at] = seconds;
    words[at + 1] = Math.floor(seconds / 2 ** 32);
    words[at + 2] = nanoseconds;
  }
  return times;
}

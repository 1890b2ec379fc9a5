/**
 * Splits a device number, as stat(2) returns it, into its parts. makedev(3): glibc's and the kernel's 64-bit layout.
 */
export function splitDevice(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn)),
  };
}

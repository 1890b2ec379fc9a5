import type { StreamSizes } from './decode-by-host.ts';

/** What is known of a deflate stream when it is over. */
export interface Inflation extends StreamSizes {
  /** CRC-32 of its content. */
  crc: number;
}

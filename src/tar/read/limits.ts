/** The limits of reading one archive. An archive beyond one of them is LIMIT_EXCEEDED. */
export interface TarLimits {
  /** Bytes of one extended header (PAX `x` and `g`, GNU `L` and `K`), which is held in memory. */
  readonly extendedHeaderBytes: number;
  /** Data segments of one sparse file, which are held in memory at 16 bytes each. */
  readonly sparseSegments: number;
  /** Entries of the archive. */
  readonly entries: number;
}

export const DEFAULT_TAR_LIMITS: TarLimits = {
  extendedHeaderBytes: 1024 * 1024,
  sparseSegments: 1_000_000,
  entries: 5_000_000,
};

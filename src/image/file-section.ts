/** Bytes of an open file of this machine. They are not verified, and may change while they are read. */
export interface FileSection {
  /** Of the open file; stays open until `close`. */
  readonly descriptor: number;
  /** Bytes before the section. */
  readonly offset: number;
  /** Bytes of the section. */
  readonly size: number;
  close(): Promise<void>;
}

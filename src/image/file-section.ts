/** A part of an open file of this machine. Its bytes are not verified, and may change while they are read. */
export interface FileSection {
  /** Open until `close`. */
  readonly descriptor: number;
  /** Bytes before the section. */
  readonly offset: number;
  /** Bytes of the section. */
  readonly size: number;
  /** Closes the file. */
  close(): Promise<void>;
}

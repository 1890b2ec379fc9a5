import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** Media type, digest and size of content: the key to everything in tsimg. OCI image spec, descriptor.md. */
export interface Descriptor {
  /** See {@link MEDIA_TYPE}; '' where the writer gave none. */
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as it was digested (of a layer: compressed). */
  readonly size: number;
  /** Of an entry of an index: the platform that the image is for. */
  readonly platform?: Platform | undefined;
  /** OCI image spec, annotations.md. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Other places of the content. tsimg reads them for foreign layers only, when the caller allows it. */
  readonly urls?: readonly string[] | undefined;
  /** Of a manifest that is no image: the kind of artifact. */
  readonly artifactType?: string | undefined;
  /** The content itself, base64 (descriptor.md, "Embedded Content"). */
  readonly data?: string | undefined;
}

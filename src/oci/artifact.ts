import * as posix from 'node:path/posix';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';
import { parseDigest } from './digest.ts';
import { MEDIA_TYPE } from './media-type.ts';

/** The config of an artifact, which has none: `{}`. OCI image spec, manifest.md, "Guidance for an Empty Descriptor". */
export const EMPTY_CONFIG: Descriptor = {
  mediaType: MEDIA_TYPE.ociEmpty,
  digest: parseDigest('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'),
  size: 2,
  data: 'e30=',
};

/** The annotation of a file's name, as oras writes and reads it. OCI image spec, annotations.md. */
export const TITLE = 'org.opencontainers.image.title';

/** The annotation of the time when an artifact was made. */
export const CREATED = 'org.opencontainers.image.created';

/** RFC 6838, section 4.2. */
const MEDIA_TYPE_NAME = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** Whether a text is a media type, without parameters. */
function isMediaType(text: string): boolean {
  return MEDIA_TYPE_NAME.test(text);
}

/** Checks a media type that a user gave. @throws USAGE */
export function checkMediaType(text: string, option: string): void {
  if (isMediaType(text)) return;
  throw new TsimgError('USAGE', 'not a media type', {
    where: `${option} ${text.slice(0, 300)}`,
    why: 'it takes TYPE/SUBTYPE, as RFC 6838 has it',
    hint: 'for example application/spdx+json',
  });
}

/** A file of an artifact, as a user names it. */
export interface ArtifactFile {
  /** The path on this machine. */
  readonly path: string;
  /** Undefined where the user named none. */
  readonly mediaType?: string | undefined;
}

/**
 * Parses `FILE` or `FILE:TYPE/SUBTYPE`, as oras takes it. A colon without a media type behind it is part of the name.
 */
export function parseArtifactFile(text: string): ArtifactFile {
  const colon = text.lastIndexOf(':');
  const type = text.slice(colon + 1);
  if (colon <= 0 || !isMediaType(type)) return { path: text, mediaType: undefined };
  return { path: text.slice(0, colon), mediaType: type };
}

/**
 * Returns the name that a file has in an artifact: its path as it was given, without `.` and doubled slashes. A client
 * that fetches the artifact makes a file of that name in its current directory, so the name must not lead out of it. An
 * absolute path would also tell more of this machine than its user may want.
 * @param anywhere whether absolute paths and `..` are allowed
 * @throws USAGE
 */
export function titleOf(path: string, anywhere: boolean): string {
  const title = posix.normalize(path);
  const isSafe = !posix.isAbsolute(title) && title !== '..' && !title.startsWith('../') && title !== '.';
  if (isSafe || anywhere) return title;
  throw new TsimgError('USAGE', 'the name of a file leads out of the directory where it is fetched', {
    where: path,
    hint: 'change to the directory of the file and name it from there, or add --disable-path-validation',
  });
}

import { join } from 'node:path';
import { errnoOf, isError, TsimgError } from '../../errors.ts';
import { openStore } from '../../store/open.ts';
import { STORE_NAME } from '../../store-layout.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { makeDirectory } from '../../sys/file/make-directories.ts';
import { replaceText } from '../../sys/file/replace-text.ts';
import { parseTrustRoot } from '../../verify/trust-root.ts';
import { type StorePlace, storePlace } from '../places.ts';
import { updatedRoot } from '../verify/trust-place.ts';

const TARGET = 'trusted_root.json';

/** The origin of the trusted root, and the store that keeps it. */
export interface TrustUpdateOptions extends StorePlace {
  /** The URL of the TUF repository; that of Sigstore's public instance when absent. */
  readonly mirror?: string | undefined;
  /** A file with the first root metadata of the repository; needed for any but the public one. */
  readonly tufRoot?: string | undefined;
}

/** The path of the fetched trusted root, and the newest log in it. */
export interface TrustUpdate {
  readonly path: string;
  readonly newestLog: { readonly url: string; readonly start: Date } | undefined;
}

/**
 * Loads the TUF client, an optional package: it brings 45 others, and nothing else needs it.
 * @throws HOST_UNSUPPORTED
 */
async function loadTuf() {
  try {
    return await import('@sigstore/tuf');
  } catch (cause) {
    // Of import(), and of require(), which the library uses
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(errnoOf(cause) ?? '')) throw cause;
    throw new TsimgError('HOST_UNSUPPORTED', 'the client for trust updates is not installed', {
      where: '@sigstore/tuf',
      hint: 'npm install @sigstore/tuf@4 (with -g where tsimg was installed with it)',
      cause,
    });
  }
}

/** Returns the reason for a failure of the client, by its code. */
function reasonOf(cause: unknown): string {
  const code = isError(cause) && 'code' in cause ? cause.code : undefined;
  if (code === 'TUF_DOWNLOAD_TARGET_ERROR')
    return 'its trusted_root.json cannot be fetched, or is not the one that was signed';
  if (code === 'TUF_FIND_TARGET_ERROR') return 'it has no trusted_root.json';
  return 'its metadata cannot be fetched, or is not signed by the keys that are trusted';
}

/**
 * Fetches the trusted root with The Update Framework (TUF) into the store, where `verify` finds it. TUF verifies the
 * file against metadata that was trusted before: the store's, those of `tufRoot`, or the client's own.
 * @throws HOST_UNSUPPORTED, TRUST_ROOT_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function updateTrust(options: TrustUpdateOptions): Promise<TrustUpdate> {
  const { initTUF, DEFAULT_MIRROR_URL } = await loadTuf();
  const storeRoot = storePlace(options);
  const store = await openStore(storeRoot);
  const folder = join(storeRoot, STORE_NAME.trust);
  await makeDirectory(folder);
  const mirrorURL = options.mirror ?? DEFAULT_MIRROR_URL;
  const rootPath = options.tufRoot === undefined ? {} : { rootPath: options.tufRoot };
  let bytes: Buffer;
  try {
    const tuf = await initTUF({ cachePath: join(folder, 'tuf'), mirrorURL, ...rootPath });
    bytes = Buffer.from(await tuf.getTarget(TARGET), 'utf8');
  } catch (cause) {
    throw new TsimgError('TRUST_ROOT_INVALID', 'the trusted root cannot be updated', {
      where: mirrorURL,
      why: reasonOf(cause),
      hint: 'the root that was there before stays in use; verify works without a network',
      cause,
    });
  }
  const path = updatedRoot(storeRoot);
  const { newestLog } = parseTrustRoot(bytes, mirrorURL);
  // A process with this lock may remove files that others have left unfinished.
  await using _lock = await acquireLock(store.indexLock, 'exclusive');
  await replaceText(path, store.partial, bytes.toString('utf8'));
  return { path, newestLog };
}

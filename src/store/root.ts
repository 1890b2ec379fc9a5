import { isAbsolute, join } from 'node:path';
import { TsimgError } from '../errors.ts';

/** The user who asks for the store, and that user's places. */
export interface StoreCaller {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** The working directory. It is asked only where a relative path needs it: the directory may be gone. */
  readonly cwd: () => string;
}

/**
 * Returns the directory of the store: `--root`, `$TSIMG_ROOT`, or by default /var/lib/tsimg for root and
 * `$XDG_DATA_HOME/tsimg` (or ~/.local/share/tsimg) for other users. A relative `--root` or `$TSIMG_ROOT` is relative to
 * `cwd`. An XDG variable that is not absolute is ignored, as its specification demands. Pure.
 * @throws STORE_INVALID when there is no home directory
 */
export function storeRoot(given: string | undefined, { env, uid, cwd }: StoreCaller): string {
  const chosen = given || env.TSIMG_ROOT;
  if (chosen) return isAbsolute(chosen) ? chosen : join(cwd(), chosen);
  if (uid === 0) return '/var/lib/tsimg';
  const data = env.XDG_DATA_HOME;
  if (data !== undefined && isAbsolute(data)) return join(data, 'tsimg');
  const home = env.HOME;
  if (home !== undefined && isAbsolute(home)) return join(home, '.local', 'share', 'tsimg');
  throw new TsimgError('STORE_INVALID', 'no place for images', {
    why: 'neither $XDG_DATA_HOME nor $HOME is set',
    hint: 'name one with --root or $TSIMG_ROOT',
  });
}

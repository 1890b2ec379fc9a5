import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock } from '../../../src/sys/file/lock.ts';
import { ROOT } from '../checkout.ts';

/** In the checkout, not in git: a download serves all runs and all lines of Node. */
const FOLDER = join(ROOT, '.nodes', 'packages');
const OPTIONS = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'];
/** Names the certificates, besides Node's own, that npm's registry may have: NODE_EXTRA_CA_CERTS of `npm test`. */
export const CERTIFICATES_VARIABLE = 'TSIMG_TEST_EXTRA_CA_CERTS';
/** Within the limit of a test file, for two packages. */
const TIMEOUT = 150_000;

/**
 * Returns a folder of modules with a package from npm that is no dependency of tsimg, and with what that depends on.
 * Prints the line `skipped: needs NAME (npm)` and returns undefined where the registry cannot be reached.
 */
export async function packageFromNpm(name: string, version: string): Promise<string | undefined> {
  const folder = join(FOLDER, `${name}-${version}`);
  mkdirSync(FOLDER, { recursive: true });
  await using _ = await acquireLock(`${folder}.lock`, 'exclusive');
  if (!existsSync(folder)) {
    const made = `${folder}.new`;
    rmSync(made, { recursive: true, force: true });
    mkdirSync(made);
    const words = ['install', '--prefix', made, ...OPTIONS, `${name}@${version}`];
    const { status, stderr } = spawnSync('npm', words, {
      cwd: made,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: process.env[CERTIFICATES_VARIABLE] ?? process.env.NODE_EXTRA_CA_CERTS,
      },
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    if (status !== 0) {
      rmSync(made, { recursive: true, force: true });
      console.log(`skipped: needs ${name} (npm)\n${stderr.trim().split('\n').slice(0, 3).join('\n')}`);
      return undefined;
    }
    renameSync(made, folder);
  }
  return join(folder, 'node_modules');
}

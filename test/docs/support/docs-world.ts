import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { configureImage } from '../../../src/verbs/author/config.ts';
import { EXAMPLE_ARCHIVE, ROOT } from '../../support/checkout.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { makeNetworkWorld } from '../../support/host/network-world.ts';
import { becomeWords, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { COPY_ETC } from '../../support/host/own-etc.ts';
import { makeCertificate } from '../../support/registry/certificate.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { SHARED } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { pushSigned } from './signed-images.ts';

// A host for the commands of the docs, in namespaces of the test: the names that they speak of lead to registries on
// its loopback device, which know the images that they name. So each command runs as it is written. Its root has
// subordinate IDs.

/** Hosts that a registry with a certificate answers for. The first is Docker Hub. */
const HOSTS = ['registry-1.docker.io', 'registry.example'];
/** Names that hold the example image of fixtures/, in which `guest` is user 1000. */
const EXAMPLES = ['team/app:1.2', 'team/app:1.3'];
/**
 * Names of Docker Hub's own, and which file of ../shared/images they hold. Where that is not there, they hold the
 * example image with another label: an image of its own, as pages take it to be.
 */
const HUB: Readonly<Record<string, string>> = {
  'library/alpine:3.9': 'alpine-3.9.4-docker-save.tar.gz',
  'library/alpine:latest': 'alpine-3.9.4-docker-save.tar.gz',
  'library/busybox:latest': 'busybox-1.38-glibc-amd64-layout',
};

/** An image's file, as skopeo spells it. */
function spell(path: string): string {
  if (!path.endsWith('.gz')) return `oci:${path}`;
  const archive = join(tempDir(), 'image.tar');
  writeFileSync(archive, gunzipSync(readFileSync(path)));
  return `docker-archive:${archive}`;
}

/** Makes an image of the example's files, with an ID of its own. */
async function makeOther(): Promise<string> {
  const archive = `docker-archive:${join(tempDir(), 'other.tar')}`;
  await configureImage(EXAMPLE_ARCHIVE, { label: ['name=other'] }, { root: join(tempDir(), 'store'), output: archive });
  return archive;
}

async function fill(registry: DockerRegistry): Promise<void> {
  const example = spell(EXAMPLE_ARCHIVE);
  const other = await makeOther();
  for (const name of EXAMPLES) registry.fill(example, name);
  for (const [name, file] of Object.entries(HUB)) {
    const path = join(SHARED, file);
    registry.fill(existsSync(path) ? spell(path) : other, name);
  }
}

/**
 * Gives it an /etc of its own, so that other tests may make users meanwhile. `$0` is an empty folder, `$1` a line of
 * hosts.
 */
const OWN_ETC = `set -e
mount -t tmpfs -o mode=755 tmpfs "$0"
${COPY_ETC}
echo "$1" > "$0/hosts"
for name in subuid subgid; do echo containers:2000000000:65536 >> "$0/$name"; done
mount --bind "$0" /etc`;

/** One run of a page's commands. */
export interface PageRun {
  readonly status: number | null;
  /** What came out of it, both streams as they came. */
  readonly output: string;
  /** IDs of containers that run when it is over. */
  readonly running: string;
}

export interface DocsWorld extends AsyncDisposable {
  /** Runs a bash script in a fresh folder, with a store of its own. @param user root, when absent */
  run(script: string, user?: OrdinaryUser): PageRun;
}

/** The command, which has a terminal on which somebody types `exit` where `-it` asks for one. */
const SHIM = `#!/bin/sh
case " $* " in
*" -it "*) exec "$NODE" "$TERMINAL" "$@" ;;
esac
exec "$NODE" -- "$MAIN" "$@"
`;

function makePrograms(): string {
  const folder = tempDir(0o755);
  writeFileSync(join(folder, 'tsimg'), SHIM);
  chmodSync(join(folder, 'tsimg'), 0o755);
  return folder;
}

export async function makeDocsWorld(): Promise<DocsWorld> {
  const network = await makeNetworkWorld();
  const { within } = network;
  const tls = makeCertificate(...HOSTS.map((host) => `DNS:${host}`));
  const trusted = tempDir(0o755);
  writeFileSync(join(trusted, 'ca.pem'), tls.cert);
  const { status, stderr } = network.onHost([
    'sh',
    '-c',
    OWN_ETC,
    tempDir(0o755),
    `127.0.0.1 localhost ${HOSTS.join(' ')}`,
  ]);
  if (status !== 0) throw new Error(stderr);
  const data = tempDir();
  const signatureFiles = await pushSigned(data, spell(EXAMPLE_ARCHIVE));
  const registry = await startDockerRegistry({ tls, data, within, port: 443 });
  const plain = await startDockerRegistry({ data, within, port: 5000 });
  await fill(plain);
  const programs = makePrograms();

  const bash = (script: string, folder: string, user: OrdinaryUser | undefined): SpawnSyncReturns<string> => {
    const env = {
      ...compiledCode(user),
      PATH: `${programs}:${process.env.PATH}`,
      HOME: join(folder, 'home'),
      TSIMG_ROOT: join(folder, 'home', 'store'),
      SSL_CERT_FILE: join(trusted, 'ca.pem'),
      NODE: process.execPath,
      MAIN,
      TERMINAL: join(ROOT, 'dist', 'test', 'docs', 'support', 'at-terminal.js'),
    };
    // it has a process group of its own, which ends with it when it hangs
    const limited = ['timeout', '--kill-after=5', '240'];
    const words = [...becomeWords(user), 'bash', '-c', 'cd "$1" && exec bash -e -o pipefail "$2" 2>&1', 'bash'];
    const scriptFile = join(folder, 'script');
    writeFileSync(scriptFile, script, { mode: 0o644 });
    const [program = '', ...args] = [...within, ...limited, ...words, join(folder, 'work'), scriptFile];
    return spawnSync(program, args, { encoding: 'utf8', env, timeout: 250_000, input: '', maxBuffer: 2 ** 26 });
  };

  return {
    run(script, user) {
      const folder = tempDir(0o755);
      for (const name of ['home', 'work']) {
        mkdirSync(join(folder, name));
        if (user !== undefined) chownSync(join(folder, name), user.uid, user.gid);
      }
      for (const [name, text] of Object.entries(signatureFiles)) {
        if (script.includes(name)) writeFileSync(join(folder, 'work', name), text);
      }
      const { status, stdout } = bash(script, folder, user);
      // Most pages leave none, which needs no command to be known
      const containers = join(folder, 'home', 'store', 'containers');
      const left = existsSync(containers) && readdirSync(containers).some((name) => /^[0-9a-f]{64}$/.test(name));
      const running = left ? bash('tsimg ps -q', folder, user).stdout.trim() : '';
      if (left) bash('tsimg rm -f $(tsimg ps -aq)', folder, user);
      return { status, output: stdout, running };
    },
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
      network.close();
    },
  };
}

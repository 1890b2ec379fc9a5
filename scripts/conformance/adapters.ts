import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Strictness } from '../../fixtures/conformance/judge.ts';
import { errnoOf, TsimgError } from '../../src/errors.ts';
import type { Image } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { MS } from '../../src/linux/mount-flags.ts';
import { openSource } from '../../src/sources/open.ts';
import { detachMount, mount } from '../../src/sys/stub/call/mounts.ts';
import { openOwnStub } from '../../src/sys/stub/own-stub.ts';
import { exportImage } from '../../src/verbs/rootfs/export.ts';
import { unpackImage } from '../../src/verbs/rootfs/unpack.ts';
import { findTool } from '../../test/support/tools.ts';
import type { Sandbox } from './sandbox.ts';

/** The result of a tool for an image: a tree, or an error. */
export type Outcome =
  | { readonly kind: 'tree'; readonly path: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'timeout' };

export interface WrittenImage {
  /** The form of the image in skopeo's terms: `oci`, `docker-archive` or `oci-archive`. */
  readonly form: string;
  readonly path: string;
}

export interface Adapter {
  readonly name: string;
  /** The programs that it needs. The first one of another tool reports its version. */
  readonly programs: readonly string[];
  /** The commands, for the published page. */
  readonly note: string;
  readonly forms: readonly string[];
  /** Whether its errors have tsimg's codes, which are then compared with the expected ones. */
  readonly hasCodes?: boolean;
  /** The properties of its tree that can be compared. Default: all. */
  readonly strictness?: Strictness;
  unpack(image: WrittenImage, sandbox: Sandbox): Promise<Outcome>;
  /** Releases the tree after it was compared. */
  release?(sandbox: Sandbox): void;
}

/** The time limit of one command, in milliseconds. */
const COMMAND_TIMEOUT = 30_000;
/** The time limit of a case for tsimg, which runs in this process, in milliseconds. */
const CASE_TIMEOUT = 60_000;

/** The words that run a command in namespaces of its own, with which its processes and mounts end. */
const IN_NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/** The options of GNU tar to extract all that an archive has. */
const TAR_KEEPS = ['--numeric-owner', '--same-permissions', '--xattrs', '--xattrs-include=*'];

class Refusal extends Error {}
class Timeout extends Error {}

/** Runs a program that leaves no process and no mount, and returns its output. */
function runHere({ scratch, workingDirectory }: Sandbox, [program = '', ...args]: readonly string[]): string {
  mkdirSync(join(scratch, 'tmp'), { recursive: true });
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: workingDirectory,
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: join(scratch, 'home'),
      TMPDIR: join(scratch, 'tmp'),
      XDG_RUNTIME_DIR: join(scratch, 'tmp'),
      LC_ALL: 'C.UTF-8',
    },
    input: '',
    timeout: COMMAND_TIMEOUT,
    killSignal: 'SIGKILL',
    maxBuffer: 16 * 1024 * 1024,
  });
  if (error !== undefined) throw errnoOf(error) === 'ETIMEDOUT' ? new Timeout() : error;
  if (status !== 0) throw new Refusal(stderr.toString('utf8').trim().slice(-400));
  return stdout.toString('utf8').trim();
}

/** Runs a command of another tool and returns its output. */
function run(sandbox: Sandbox, command: readonly string[]): string {
  const policy = join(sandbox.scratch, 'home', '.config', 'containers', 'policy.json');
  mkdirSync(join(policy, '..'), { recursive: true });
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  return runHere(sandbox, ['unshare', ...IN_NAMESPACES, ...command]);
}

/** Runs the commands of another tool and returns the outcome. */
async function outcomeOf(commands: () => string): Promise<Outcome> {
  try {
    return { kind: 'tree', path: commands() };
  } catch (error) {
    if (error instanceof Timeout) return { kind: 'timeout' };
    if (error instanceof Refusal) return { kind: 'refused', code: '', message: error.message };
    throw error;
  }
}

/** Loads the image of a case by tsimg, in this process, and uses it. */
async function byTsimg(
  { form, path }: WrittenImage,
  sandbox: Sandbox,
  make: (image: Image, signal: AbortSignal) => Promise<unknown>,
): Promise<Outcome> {
  const signal = AbortSignal.timeout(CASE_TIMEOUT);
  const before = process.cwd();
  const temporary = process.env.TMPDIR;
  process.chdir(sandbox.workingDirectory);
  process.env.TMPDIR = sandbox.scratch;
  try {
    const spec = form === 'oci' ? `oci:${path}:latest` : `${form}:${path}`;
    const { source, name } = await openSource(spec, { storeRoot: join(sandbox.scratch, 'store') }, { signal });
    try {
      await make(await loadImage(source, { name }, { signal }), signal);
    } finally {
      await source.close();
    }
    return { kind: 'tree', path: sandbox.rootfs };
  } catch (error) {
    if (signal.aborted) return { kind: 'timeout' };
    // Another error is a fault of tsimg in every case.
    if (!(error instanceof TsimgError)) throw error;
    return { kind: 'refused', code: error.code, message: error.message };
  } finally {
    process.chdir(before);
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  }
}

const TSIMG: Adapter = {
  name: 'tsimg',
  programs: [],
  note: '`tsimg unpack` of this checkout, as root',
  hasCodes: true,
  forms: ['oci', 'docker-archive', 'oci-archive'],
  unpack: (image, sandbox) =>
    byTsimg(image, sandbox, (loaded, signal) => unpackImage(loaded, sandbox.rootfs, { signal })),
};

/** Mounts the layer directories 0, 1, … of a folder over each other, as for a container of the image. */
function mountOverlay(folder: string, layers: number, { rootfs, scratch }: Sandbox): void {
  for (const path of [rootfs, join(scratch, 'upper'), join(scratch, 'work')]) mkdirSync(path);
  const lower = Array.from({ length: layers }, (_, index) => layers - 1 - index).join(':');
  const data = `lowerdir=${lower},upperdir=../upper,workdir=../work`;
  const before = process.cwd();
  // Names are relative, because 127 absolute ones are too long for mount(2).
  process.chdir(folder);
  try {
    const flags = MS.nosuid | MS.nodev;
    mount(openOwnStub(), { source: 'overlay', target: rootfs, type: 'overlay', flags, data }, rootfs);
  } finally {
    process.chdir(before);
  }
}

const TSIMG_LAYERS: Adapter = {
  name: 'tsimg --layers',
  programs: [],
  note: '`tsimg unpack --layers`, mounted by overlayfs, as `tsimg run` mounts it; link counts are not compared, because overlayfs counts hidden names too',
  forms: TSIMG.forms,
  hasCodes: true,
  strictness: 'overlaid',
  unpack: (written, sandbox) =>
    byTsimg(written, sandbox, async (image, signal) => {
      const folder = join(sandbox.scratch, 'layers');
      await unpackImage(image, folder, { signal, output: 'layers' });
      mountOverlay(folder, image.layers.length, sandbox);
    }),
  release: ({ rootfs }) => {
    if (existsSync(rootfs)) detachMount(openOwnStub(), rootfs);
  },
};

const TSIMG_EXPORT: Adapter = {
  name: 'tsimg export',
  programs: ['tar'],
  note: '`tsimg export`, unpacked by GNU tar',
  forms: TSIMG.forms,
  hasCodes: true,
  unpack: (written, sandbox) =>
    byTsimg(written, sandbox, async (image, signal) => {
      const path = join(sandbox.scratch, 'export.tar');
      await exportImage(image, { path }, { signal });
      mkdirSync(sandbox.rootfs);
      runHere(sandbox, ['tar', '--extract', '--file', path, '--directory', sandbox.rootfs, ...TAR_KEEPS]);
    }),
};

const UMOCI: Adapter = {
  name: 'umoci',
  programs: ['umoci'],
  note: '`umoci raw unpack`',
  forms: ['oci'],
  unpack: ({ path }, sandbox) =>
    outcomeOf(() => {
      run(sandbox, ['umoci', 'raw', 'unpack', '--image', `${path}:latest`, sandbox.rootfs]);
      return sandbox.rootfs;
    }),
};

function containersStorage(sandbox: Sandbox): readonly string[] {
  const { scratch } = sandbox;
  return ['--root', join(scratch, 'storage'), '--runroot', join(scratch, 'run'), '--storage-driver', 'vfs'];
}

function withTag({ form, path }: WrittenImage): string {
  return form === 'oci' ? `oci:${path}:latest` : `${form}:${path}`;
}

const BUILDAH: Adapter = {
  name: 'buildah',
  programs: ['buildah'],
  note: '`buildah from` and `buildah mount`, with the storage driver vfs, whose copy of the layers is compared',
  forms: ['oci', 'docker-archive', 'oci-archive'],
  unpack: (image, sandbox) =>
    outcomeOf(() => {
      const buildah = ['buildah', ...containersStorage(sandbox)];
      const container = run(sandbox, [...buildah, 'from', '--quiet', withTag(image)]);
      return run(sandbox, [...buildah, 'mount', container]);
    }),
};

const PODMAN: Adapter = {
  name: 'podman',
  programs: ['podman'],
  note: '`podman pull` and `podman image mount`, with the same storage driver',
  forms: ['oci', 'docker-archive', 'oci-archive'],
  unpack: (image, sandbox) =>
    outcomeOf(() => {
      const storage = [...containersStorage(sandbox), '--tmpdir', join(sandbox.scratch, 'tmp')];
      const podman = ['podman', ...storage, '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
      const pulled = run(sandbox, [...podman, 'pull', '--quiet', withTag(image)]);
      const id = pulled.split('\n').at(-1) ?? '';
      return run(sandbox, [...podman, 'image', 'mount', id]);
    }),
};

/** Returns the layers of skopeo's `dir:`, base first. */
function layerFiles(folder: string): readonly string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const layers: unknown = typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'layers') : [];
  if (!Array.isArray(layers)) return readdirSync(folder);
  return layers.map((layer: { readonly digest: string }) => join(folder, layer.digest.replace(/^sha256:/, '')));
}

const GNU_TAR: Adapter = {
  name: 'skopeo + GNU tar',
  programs: ['tar', 'skopeo'],
  note: '`skopeo copy` to a directory, then `tar -x` of each layer; tar knows no whiteouts, so this column shows how much a tool must add to tar',
  forms: ['oci', 'docker-archive', 'oci-archive'],
  unpack: (image, sandbox) =>
    outcomeOf(() => {
      const folder = join(sandbox.scratch, 'dir');
      run(sandbox, ['skopeo', '--insecure-policy', 'copy', '--quiet', withTag(image), `dir:${folder}`]);
      mkdirSync(sandbox.rootfs);
      for (const layer of layerFiles(folder)) {
        runHere(sandbox, ['tar', '--extract', '--file', layer, '--directory', sandbox.rootfs, ...TAR_KEEPS]);
      }
      return sandbox.rootfs;
    }),
};

/** The tools: tsimg first, then the others that are installed. */
export const ADAPTERS: readonly Adapter[] = [TSIMG, TSIMG_LAYERS, TSIMG_EXPORT, UMOCI, BUILDAH, PODMAN, GNU_TAR];

export function isInstalled({ programs }: Adapter): boolean {
  return programs.every((program) => findTool(program) !== undefined);
}

import { execFileSync } from 'node:child_process';
import { publish } from '../test/support/command/publish.ts';

/** The published command. */
const PUBLISHED = await publish();

/** The image to unpack, and the destination. */
export interface Job {
  readonly layout: string;
  /** The layers' blobs, base first. */
  readonly layers: readonly string[];
  /** The image's place in a registry, `HOST/NAME`; undefined where there is none. */
  readonly reference: string | undefined;
  readonly target: string;
}

export interface Contender {
  readonly name: string;
  readonly needs: string;
  readonly command: (job: Job) => readonly string[];
}

function inTurn(tar: string, { layers, target }: Job): readonly string[] {
  const steps = layers.map((layer) => `${tar} -xf ${layer} -C ${target}`);
  return ['sh', '-c', [`mkdir -p ${target}`, ...steps].join(' && ')];
}

function unpack(source: string, target: string, ...options: readonly string[]): readonly string[] {
  return [process.execPath, PUBLISHED, 'unpack', '-q', ...options, source, target];
}

/** Commands for an image on this machine; the first is tsimg's. */
export const LOCAL: readonly Contender[] = [
  { name: 'tsimg unpack', needs: 'node', command: ({ layout, target }) => unpack(`oci:${layout}:latest`, target) },
  {
    name: 'tsimg unpack, no host libraries',
    needs: 'node',
    command: ({ layout, target }) => ['env', 'TSIMG_HOST_LIBRARIES=0', ...unpack(`oci:${layout}:latest`, target)],
  },
  {
    name: 'umoci unpack',
    needs: 'umoci',
    command: ({ layout, target }) => ['umoci', 'unpack', '--image', `${layout}:latest`, target],
  },
  {
    name: 'umoci raw unpack',
    needs: 'umoci',
    command: ({ layout, target }) => ['umoci', 'raw', 'unpack', '--image', `${layout}:latest`, target],
  },
  { name: 'tar -xf in turn', needs: 'tar', command: (job) => inTurn('tar', job) },
  { name: 'bsdtar -xf in turn', needs: 'bsdtar', command: (job) => inTurn('bsdtar', job) },
];

/** Commands for an image in a registry; the first is tsimg's. */
export const FROM_REGISTRY: readonly Contender[] = [
  {
    name: 'tsimg unpack docker://',
    needs: 'node',
    command: ({ reference, target }) => unpack(`docker://${reference}`, target, '--tls-verify=false'),
  },
  {
    name: 'skopeo copy, umoci unpack',
    needs: 'umoci',
    command: ({ reference, target }) => {
      const copy = 'skopeo --insecure-policy copy -q --src-tls-verify=false';
      const layout = `${target}/layout`;
      const unpack = `umoci unpack --image ${layout}:latest ${target}/bundle`;
      return ['sh', '-c', `mkdir ${target} && ${copy} docker://${reference} oci:${layout}:latest && ${unpack}`];
    },
  },
];

export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

import { CAPTURE_CHECKS } from '../container/capture.ts';
import { checkWhole } from '../options/check-number.ts';
import {
  action,
  type Check,
  type Checks,
  flag,
  isBytes,
  isObject,
  objectOf,
  takes,
  texts,
  values,
  wrongValue,
} from '../options/check-options.ts';
import { CONTAINER_CHECKS } from '../options/container-checks.ts';
import type { SandboxCopyOptions, SandboxNetwork, SandboxOptions, SandboxRunOptions } from './sandbox-options.ts';

const whole: Check = (option, value) => checkWhole(option, value, { least: 1 });

const NETWORK = objectOf<Exclude<SandboxNetwork, 'none'>>({ allow: texts, onRequest: action }, 'allow');

const fileContent = takes('a text or a Uint8Array', (value) => typeof value === 'string' || isBytes(value));

/** The checks of the options of `createSandbox`: a bound that is misspelt would be none. */
export const SANDBOX_CHECKS: Checks<SandboxOptions> = {
  root: CONTAINER_CHECKS.root,
  pull: CONTAINER_CHECKS.pull,
  platform: CONTAINER_CHECKS.platform,
  credentials: CONTAINER_CHECKS.credentials,
  signatures: CONTAINER_CHECKS.signatures,
  signal: CONTAINER_CHECKS.signal,
  onEvent: CONTAINER_CHECKS.onEvent,
  memory: CONTAINER_CHECKS.memory,
  cpus: takes(
    'a number of processors, at least 0.01',
    (value) => typeof value === 'number' && value >= 0.01 && Number.isFinite(value),
  ),
  pids: whole,
  time: whole,
  output: whole,
  disk: CONTAINER_CHECKS.shmSize,
  diskFiles: whole,
  weakLimits: flag,
  files(option, value) {
    if (!isObject(value)) throw wrongValue(option, value, 'an object with texts or bytes as values');
    for (const [path, content] of Object.entries(value)) fileContent(`${option}[${JSON.stringify(path)}]`, content);
  },
  network(option, value) {
    if (value === 'none') return;
    if (!isObject(value)) throw wrongValue(option, value, "'none', or an object with a list of texts as `allow`");
    NETWORK(option, value);
  },
  env: values,
  user: CONTAINER_CHECKS.user,
  workdir: CONTAINER_CHECKS.workdir,
  volumes: CONTAINER_CHECKS.volumes,
};

/** The checks of the options of a snapshot, a restore and a fork. */
export const COPY_CHECKS: Checks<SandboxCopyOptions> = { time: whole, signal: CAPTURE_CHECKS.signal };

/** Checks a file that is written. @throws USAGE */
export function checkFile(content: unknown, mode: unknown): void {
  fileContent('content', content);
  checkWhole('mode', mode, { most: 0o777 });
}

/** The checks of the options of a call that is bounded. */
export const LIMIT_CHECKS: Checks<{ readonly limit?: number }> = { limit: whole };

/** The checks of the options of a run. */
export const RUN_CHECKS: Checks<SandboxRunOptions> = {
  stdin: CAPTURE_CHECKS.stdin,
  env: SANDBOX_CHECKS.env,
  user: CONTAINER_CHECKS.user,
  workdir: CONTAINER_CHECKS.workdir,
  time: whole,
  output: whole,
  signal: CAPTURE_CHECKS.signal,
};

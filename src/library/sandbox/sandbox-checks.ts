import { CAPTURE_CHECKS } from '../container/capture.ts';
import { checkWhole } from '../options/check-number.ts';
import { type Check, type Checks, flag, isObject, takes, values } from '../options/check-options.ts';
import { CONTAINER_CHECKS } from '../options/container-checks.ts';
import type { SandboxCopyOptions, SandboxOptions, SandboxRunOptions } from './sandbox-options.ts';

const whole: Check = (option, value) => checkWhole(option, value, { least: 1 });

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
  files: takes(
    'an object with texts or bytes as values',
    (value) =>
      isObject(value) && Object.values(value).every((each) => typeof each === 'string' || ArrayBuffer.isView(each)),
  ),
  network: takes(
    "'none', or an object with a list of texts as `allow`",
    (value) =>
      value === 'none' ||
      (isObject(value) && Array.isArray(value.allow) && value.allow.every((each) => typeof each === 'string')),
  ),
  env: values,
  user: CONTAINER_CHECKS.user,
  workdir: CONTAINER_CHECKS.workdir,
  volumes: CONTAINER_CHECKS.volumes,
};

/** The checks of the options of a snapshot, a restore and a fork. */
export const COPY_CHECKS: Checks<SandboxCopyOptions> = { time: whole, signal: CAPTURE_CHECKS.signal };

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

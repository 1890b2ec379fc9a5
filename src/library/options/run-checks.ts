import type { Streams } from '../../host/stdio/relay.ts';
import type { ResourceRequest } from '../../launch/limits/resources.ts';
import type { NameRequest } from '../../launch/plan/network-files.ts';
import type { RunInput } from '../../launch/plan/run-request.ts';
import type { AttachRequest } from '../../verbs/attach/attach-container.ts';
import type { LifeRequest } from '../../verbs/run/life-request.ts';
import type { RunSourceOptions } from '../../verbs/run/run-source.ts';
import { checkWhole } from './check-number.ts';
import { action, type Checks, checkCommand, flag, hasMethods, objectOf, takes, text, texts } from './check-options.ts';
import { CONTAINER_CHECKS } from './container-checks.ts';
import { IMAGE_CHECKS } from './image-checks.ts';

const writable = takes('a stream of Node that is written to', (value) => hasMethods(value, 'write', 'on'));

const STREAMS = objectOf<Streams>(
  {
    stdin: takes('a stream of Node that is read', (value) => hasMethods(value, 'pipe', 'on')),
    stdout: writable,
    stderr: writable,
  },
  'stdin',
  'stdout',
  'stderr',
);

const signals = takes('a source of signals, such as processSignals', (value) => hasMethods(value, 'listen'));

const NAMES = objectOf<NameRequest>({ dns: texts, dnsSearch: texts, dnsOptions: texts, addHosts: texts });

const RESOURCES = objectOf<ResourceRequest>({
  memory: text,
  memorySwap: text,
  memoryReservation: text,
  cpus: text,
  cpuShares: text,
  cpusetCpus: text,
  cpusetMems: text,
  pidsLimit: text,
  blkioWeight: text,
  deviceReadBps: texts,
  deviceWriteBps: texts,
  deviceReadIops: texts,
  deviceWriteIops: texts,
});

const LIFE = objectOf<LifeRequest>({
  name: text,
  replace: flag,
  remove: flag,
  cidFile: text,
  labels: texts,
  restart: text,
  stopSignal: text,
  stopTimeout: (option, value) => checkWhole(option, value),
});

/** The checks of a request in the spelling of the command line. What a text may be is checked where it is parsed. */
export const RUN_INPUT_CHECKS: Checks<RunInput> = {
  command: (_, words) => checkCommand(words),
  entrypoint: text,
  interactive: flag,
  terminal: flag,
  env: texts,
  envFiles: texts,
  workdir: text,
  user: text,
  volumes: texts,
  tmpfs: texts,
  hostname: text,
  network: text,
  networks: texts,
  publish: texts,
  publishAll: flag,
  expose: texts,
  networkAliases: texts,
  names: NAMES,
  readOnly: flag,
  capAdd: texts,
  capDrop: texts,
  resources: RESOURCES,
  privileged: flag,
  noNewPrivileges: flag,
  seccomp: CONTAINER_CHECKS.seccomp,
  unmask: flag,
  devices: texts,
  deviceRules: texts,
  mounts: texts,
  imageVolume: CONTAINER_CHECKS.imageVolume,
  shmSize: text,
  ulimits: texts,
  umask: text,
  groupAdd: texts,
  init: flag,
  isolation: CONTAINER_CHECKS.isolation,
  timeNamespace: flag,
  userns: text,
  ipc: CONTAINER_CHECKS.ipc,
  pid: CONTAINER_CHECKS.pid,
  health: CONTAINER_CHECKS.health,
  uts: CONTAINER_CHECKS.uts,
};

/** The checks of the options of `runSource` besides the request. */
export const RUN_SOURCE_CHECKS: Checks<RunSourceOptions> = {
  ...IMAGE_CHECKS,
  life: LIFE,
  pull: CONTAINER_CHECKS.pull,
  signals,
  streams: STREAMS,
  onStarted: action,
  onPlan: action,
  runtime: text,
};

/** The checks of how a caller is attached to a container. */
export const ATTACH_CHECKS: Checks<AttachRequest> = { streams: STREAMS, input: flag, signals, detachKeys: text };

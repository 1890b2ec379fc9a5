import { TsimgError } from '../../errors.ts';
import { parsePublish } from '../../launch/network/publish.ts';
import { faultOfProfile } from '../../linux/seccomp/seccomp-profile.ts';
import { checkWhole } from './check-number.ts';
import {
  type Check,
  type Checks,
  flag,
  isObject,
  listOf,
  objectOf,
  objectOrTexts,
  oneOf,
  size,
  takes,
  text,
  textOrNumber,
  textOrObject,
  textOrTexts,
  texts,
  textsOrNumbers,
  wrongValue,
} from './check-options.ts';
import type { ContainerOptions, PortMapping, SoftAndHard, VolumeMount } from './container-options.ts';
import { HEALTH, IMAGE_CHECKS } from './image-checks.ts';

/** docker's least memory: with less, no program starts. */
const LEAST_MEMORY = 512 * 1024;

const PORT = { least: 1, most: 65_535 };

const PROTOCOL = oneOf('tcp', 'udp');

/** Checks a port of a container, and its protocol. @throws USAGE */
export function checkPort(port: unknown, protocol: unknown): void {
  checkWhole('port', port ?? null, PORT);
  PROTOCOL('protocol', protocol);
}

const MAPPING = objectOf<PortMapping>(
  {
    container: (option, value) => checkWhole(option, value ?? null, PORT),
    host: (option, value) => checkWhole(option, value, { ...PORT, least: 0 }),
    address: text,
    protocol: PROTOCOL,
  },
  'container',
);

/** A text is docker's. */
const ports = listOf('a list of ports: numbers, texts or objects', (option, port) => {
  if (typeof port === 'string') parsePublish(port, option);
  else if (isObject(port)) MAPPING(option, port);
  else checkWhole(option, port ?? null, PORT);
});

const absolute = takes('an absolute path in the container', (value) => typeof value === 'string' && value[0] === '/');

const VOLUME = objectOf<VolumeMount>({ source: text, target: absolute, readOnly: flag }, 'source', 'target');

/** A rule with a misspelt name would be missing in the filter. */
const seccomp: Check = (option, value) => {
  if (value === 'unconfined') return;
  if (!isObject(value)) throw wrongValue(option, value, "'unconfined', or a profile as an object");
  const why = faultOfProfile(value);
  if (why !== undefined) throw new TsimgError('USAGE', 'not a seccomp profile', { where: option, why });
};

/** A `readOnly` that is misspelt would be a volume that can be written to. */
const volumes = listOf('a list of texts and objects', (option, volume) => {
  if (isObject(volume)) VOLUME(option, volume);
  else textOrObject(option, volume);
});

const seconds: Check = (option, value) => checkWhole(option, value);

const limit: Check = (option, value) => checkWhole(option, value ?? null, { least: -1 });
const BOTH_LIMITS = objectOf<SoftAndHard>({ soft: limit, hard: limit }, 'soft', 'hard');

const ulimits: Check = (option, value) => {
  if (Array.isArray(value)) return texts(option, value);
  if (!isObject(value)) {
    throw wrongValue(option, value, 'an object with numbers or { soft, hard } as values, or a list of texts');
  }
  for (const [name, each] of Object.entries(value)) {
    if (isObject(each)) BOTH_LIMITS(`${option}.${name}`, each);
    else limit(`${option}.${name}`, each);
  }
};

const ownOrHosts = oneOf('private', 'host');

/** Checks a number of processors or processes that a text may give too; the texts are checked where they are parsed. */
const amount = (wanted: string, isRight: (value: number) => boolean) =>
  takes(wanted, (value) => typeof value === 'string' || (typeof value === 'number' && isRight(value)));

/** The checks of the options of a container. What a text may be is checked where it is parsed. */
export const CONTAINER_CHECKS: Checks<ContainerOptions> = {
  // The image
  ...IMAGE_CHECKS,
  pull: oneOf('always', 'missing', 'never'),
  // The command
  entrypoint: text,
  env: objectOrTexts,
  envFiles: texts,
  workdir: text,
  user: textOrNumber,
  groupAdd: textsOrNumbers,
  umask: textOrNumber,
  init: flag,
  // Files
  volumes,
  mounts: texts,
  tmpfs: objectOrTexts,
  readOnly: flag,
  imageVolume: oneOf('bind', 'tmpfs', 'ignore'),
  shmSize: size(),
  // The network
  network: textOrTexts,
  networkAliases: texts,
  publishAll: flag,
  expose: textsOrNumbers,
  ports,
  hostname: text,
  hosts: objectOrTexts,
  dns: texts,
  dnsSearch: texts,
  dnsOptions: texts,
  // Limits
  memory: size(LEAST_MEMORY),
  memorySwap: size(1, -1),
  memoryReservation: size(),
  cpus: amount('a number of processors, at least 0.01', (value) => value >= 0.01 && Number.isFinite(value)),
  cpuShares: amount('a whole number from 2 to 262144', Number.isSafeInteger),
  cpusetCpus: text,
  cpusetMems: text,
  pids: amount('a whole number from -1', (value) => Number.isSafeInteger(value) && value >= -1),
  blkioWeight: amount('a whole number from 10 to 1000', Number.isSafeInteger),
  deviceReadBps: texts,
  deviceWriteBps: texts,
  deviceReadIops: texts,
  deviceWriteIops: texts,
  ulimits,
  // Isolation
  capAdd: texts,
  capDrop: texts,
  privileged: flag,
  noNewPrivileges: flag,
  seccomp,
  unmask: flag,
  devices: texts,
  deviceRules: texts,
  isolation: oneOf('pivot', 'chroot'),
  timeNamespace: flag,
  userns: text,
  ipc: ownOrHosts,
  pid: ownOrHosts,
  uts: ownOrHosts,
  // The life
  name: text,
  replace: flag,
  labels: objectOrTexts,
  health: HEALTH,
  keep: flag,
  stopSignal: text,
  stopTimeout: seconds,
};

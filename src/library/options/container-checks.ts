import { parsePublish } from '../../launch/network/publish.ts';
import { checkWhole } from './check-number.ts';
import {
  type Check,
  type Checks,
  flag,
  isObject,
  object,
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
  textsOrObjects,
  wrongValue,
} from './check-options.ts';
import type { ContainerOptions } from './container-options.ts';
import { IMAGE_CHECKS } from './image-checks.ts';

/** docker's least memory: with less, no program starts. */
const LEAST_MEMORY = 512 * 1024;

const PORT = { least: 1, most: 65_535 };

/** Checks each port under its place in the list. A text is docker's. */
const ports: Check = (option, value) => {
  if (!Array.isArray(value)) throw wrongValue(option, value, 'a list of ports: numbers, texts or objects');
  for (const [index, port] of value.entries()) {
    const name = `${option}[${index}]`;
    if (typeof port === 'string') parsePublish(port, name);
    else if (!isObject(port)) checkWhole(name, port, PORT);
    else {
      checkWhole(`${name}.container`, port.container ?? null, PORT);
      checkWhole(`${name}.host`, port.host, { ...PORT, least: 0 });
      if (port.address !== undefined) text(`${name}.address`, port.address);
      if (port.protocol !== undefined) oneOf('tcp', 'udp')(`${name}.protocol`, port.protocol);
    }
  }
};

const absolute = takes('an absolute path in the container', (value) => typeof value === 'string' && value[0] === '/');

const volumes: Check = (option, value) => {
  textsOrObjects(option, value);
  if (!Array.isArray(value)) return;
  for (const [index, volume] of value.entries()) {
    if (typeof volume === 'string') continue;
    text(`${option}[${index}].source`, volume.source);
    absolute(`${option}[${index}].target`, volume.target);
  }
};

const seconds: Check = (option, value) => checkWhole(option, value);

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
  imageVolume: text,
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
  ulimits: takes('an object with numbers or { soft, hard } as values, or a list of texts', (value) =>
    Array.isArray(value) ? value.every((each) => typeof each === 'string') : isObject(value),
  ),
  // Isolation
  capAdd: texts,
  capDrop: texts,
  privileged: flag,
  noNewPrivileges: flag,
  seccomp: textOrObject,
  unmask: flag,
  devices: texts,
  deviceRules: texts,
  isolation: oneOf('pivot', 'chroot'),
  timeNamespace: flag,
  userns: text,
  ipc: text,
  pid: text,
  uts: text,
  // The life
  name: text,
  replace: flag,
  labels: objectOrTexts,
  health: object,
  keep: flag,
  stopSignal: text,
  stopTimeout: seconds,
};

import type { ImageLimits, UnpackOptions } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { CopyOptions } from '../../image/copy.ts';
import type { HealthRequest } from '../../launch/plan/health.ts';
import type { Platform } from '../../oci/platform.ts';
import { TOLERANCES } from '../../rootfs/policy.ts';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import type { AppendOptions } from '../../verbs/author/append.ts';
import type { AuthorOptions } from '../../verbs/author/author-options.ts';
import type { PackOptions } from '../../verbs/author/pack.ts';
import type { ImageOptions } from '../../verbs/image/open-image.ts';
import type { PullOptions } from '../../verbs/image/prepare-pull.ts';
import type { StorePullOptions } from '../../verbs/image/pull-to-store.ts';
import type { FoldOptions } from '../../verbs/layers/fold-image.ts';
import type { CopySourceOptions } from '../../verbs/registry/copy.ts';
import type { PushOptions } from '../../verbs/registry/push.ts';
import type { UnpackImageOptions } from '../../verbs/rootfs/unpack.ts';
import type { VerificationChoice } from '../../verbs/verify/verification.ts';
import { checkBound, checkWhole } from './check-number.ts';
import {
  type Check,
  type Checks,
  checkOptions,
  flag,
  hasMethods,
  isObject,
  object,
  objectOf,
  objectOrTexts,
  oneOf,
  takes,
  text,
  textOrObject,
  textOrTexts,
  texts,
  values,
} from './check-options.ts';
import { CONTEXT_CHECKS } from './context-checks.ts';
import type { ImageSettings } from './image-options.ts';
import { REACH_REGISTRY_CHECKS, REGISTRY_CHECKS } from './registry-checks.ts';

/** Bytes of a request. */
export const CHUNK_SIZE: Check = (option, value) => checkWhole(option, value, { least: 1 });

const whole: Check = (option, value) => checkWhole(option, value);
const positive: Check = (option, value) => checkWhole(option, value, { least: 1 });

const LIMITS = objectOf<ImageLimits>({
  maxSize: checkBound,
  maxRatio: checkBound,
  maxEntries: checkBound,
  maxDepth: checkBound,
  maxDocument: checkBound,
  maxHeader: checkBound,
});

const matcher = takes(
  "{ exactly: 'a text' }, or { pattern: /an expression/ }",
  (value) =>
    isObject(value) &&
    Object.keys(value).length === 1 &&
    (typeof value.exactly === 'string' || hasMethods(value.pattern, 'test', 'exec')),
);

/** The demands on signatures. */
export const SIGNATURES = objectOf<VerificationChoice>({
  keys: texts,
  identity: matcher,
  issuer: matcher,
  trustedRoot: text,
  ignoresLog: flag,
  ignoresSct: flag,
  annotations: values,
  attestation: text,
  all: flag,
});

/** The options of a health check. The texts are checked where they are parsed. */
export const HEALTH = objectOf<HealthRequest>({
  command: text,
  interval: text,
  timeout: text,
  startPeriod: text,
  startInterval: text,
  retries: whole,
  none: flag,
});

const PLATFORM = objectOf<Platform>(
  { os: text, architecture: text, variant: text, osVersion: text, osFeatures: texts },
  'os',
  'architecture',
);

/** A platform as an object, or as a text, which is checked where it is parsed. */
export const platform: Check = (option, value) => {
  if (isObject(value)) PLATFORM(option, value);
  else textOrObject(option, value);
};

/** The checks of the options by which an image is found and opened. */
export const IMAGE_CHECKS: Checks<ImageOptions & Context> = {
  ...REGISTRY_CHECKS,
  root: text,
  platform,
  limits: LIMITS,
  signatures: SIGNATURES,
  signaturePolicy: text,
  allowForeignUrls: flag,
};

export const COMPRESSION = objectOf<CompressionChoice>({ kind: oneOf('gzip', 'zstd', 'none'), level: whole }, 'kind');

export const STORE_PULL_CHECKS: Checks<StorePullOptions> = {
  ...IMAGE_CHECKS,
  toWrite: flag,
  allPlatforms: flag,
  verify: flag,
};

const { root: _root, ...WITHOUT_STORE } = IMAGE_CHECKS;

export const PULL_CHECKS: Checks<PullOptions> = { ...WITHOUT_STORE, toWrite: flag, allPlatforms: flag, local: object };

export const PUSH_CHECKS: Checks<PushOptions> = {
  ...IMAGE_CHECKS,
  compression: COMPRESSION,
  mountFrom: text,
  chunkSize: CHUNK_SIZE,
};

const REACH_CHECKS = {
  ...IMAGE_CHECKS,
  chunkSize: CHUNK_SIZE,
  force: flag,
  destination: objectOf<NonNullable<CopySourceOptions['destination']>>(REACH_REGISTRY_CHECKS),
};

export const COPY_SOURCE_CHECKS: Checks<CopySourceOptions> = {
  ...REACH_CHECKS,
  all: flag,
  referrers: flag,
  compression: COMPRESSION,
};

export const COPY_CHECKS: Checks<CopyOptions> = {
  ...CONTEXT_CHECKS,
  names: texts,
  descriptor: object,
  concurrency: positive,
};

export const AUTHOR_CHECKS: Checks<AuthorOptions> = {
  ...REACH_CHECKS,
  tags: texts,
  output: text,
  author: text,
  message: text,
};

export const PACK_CHECKS: Checks<PackOptions> = {
  ...AUTHOR_CHECKS,
  ids: oneOf('root', 'single'),
  owner: objectOf({ uid: whole, gid: whole }),
  compression: COMPRESSION,
};

export const APPEND_CHECKS: Checks<AppendOptions> = { ...PACK_CHECKS, changes: text };

export const SETTING_CHECKS: Checks<ImageSettings> = {
  clear: texts,
  env: objectOrTexts,
  label: objectOrTexts,
  annotation: objectOrTexts,
  entrypoint: textOrTexts,
  cmd: textOrTexts,
  workdir: text,
  user: text,
  expose: texts,
  volume: texts,
  stopSignal: text,
  health: HEALTH,
  changes: texts,
};

const severity = oneOf('strict', 'warn', 'ignore');

/** The names are those of the tolerances. */
const POLICY: Check = (option, value) => {
  object(option, value);
  checkOptions(
    option,
    value,
    Object.fromEntries(Object.keys(TOLERANCES).map((name) => [name, severity])),
    `${option}.`,
  );
};

const UNPACK: Checks<Omit<UnpackOptions, 'ownership'>> = {
  ...CONTEXT_CHECKS,
  force: flag,
  strict: flag,
  policy: POLICY,
  limits: LIMITS,
  threads: whole,
};

/** The checks of a function that reads layers. */
export const FOLD_CHECKS: Checks<FoldOptions> = { ...CONTEXT_CHECKS, limits: LIMITS };

export const UNPACK_CHECKS: Checks<UnpackImageOptions> = {
  ...UNPACK,
  ids: oneOf('root', 'single', 'subuid'),
  output: oneOf('rootfs', 'layers', 'bundle'),
};

export const UNPACK_TAR_CHECKS: Checks<UnpackOptions & { readonly label?: string; readonly size?: number }> = {
  ...UNPACK,
  ownership: oneOf('set', 'record'),
  label: text,
  size: whole,
};

import type { ImageLimits, UnpackOptions } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { CopyOptions } from '../../image/copy.ts';
import type { RequestLimits } from '../../registry/request-limits.ts';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import type { AppendOptions } from '../../verbs/author/append.ts';
import type { AuthorOptions } from '../../verbs/author/author-options.ts';
import type { PackOptions } from '../../verbs/author/pack.ts';
import type { ImageOptions } from '../../verbs/image/open-image.ts';
import type { PullOptions } from '../../verbs/image/pull.ts';
import type { StorePullOptions } from '../../verbs/image/pull-to-store.ts';
import type { CopySourceOptions } from '../../verbs/registry/copy.ts';
import type { PushOptions } from '../../verbs/registry/push.ts';
import type { UnpackImageOptions } from '../../verbs/rootfs/unpack.ts';
import type { VerificationChoice } from '../../verbs/verify/verification.ts';
import { checkBound, checkPause, checkWhole } from './check-number.ts';
import {
  type Check,
  type Checks,
  flag,
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

const REQUESTS = objectOf<RequestLimits>({
  retries: whole,
  retryDelay: checkPause,
  timeouts: objectOf({ connect: checkBound, response: checkBound, idle: checkBound }),
  maxDocument: checkBound,
  concurrency: positive,
});

const MIRRORS = objectOf({ registriesConf: text, hostsDir: text });

const SIGNATURES = objectOf<VerificationChoice>({
  keys: texts,
  identity: object,
  issuer: object,
  trustedRoot: text,
  ignoresLog: flag,
  ignoresSct: flag,
  annotations: values,
  attestation: text,
  all: flag,
});

const REGISTRY_CHECKS = {
  tlsVerify: flag,
  certDir: text,
  credentials: takes(
    "{ kind: 'basic', username, password }, or a token of another kind",
    (value) => isObject(value) && typeof value.kind === 'string',
  ),
  trustedRealms: texts,
};

/** The checks of the options by which an image is found and opened. */
export const IMAGE_CHECKS: Checks<ImageOptions & Context> = {
  ...CONTEXT_CHECKS,
  ...REGISTRY_CHECKS,
  root: text,
  platform: textOrObject,
  limits: LIMITS,
  signatures: SIGNATURES,
  signaturePolicy: text,
  authFile: text,
  requests: REQUESTS,
  connections: object,
  mirrors(option, value) {
    if (value === false) return;
    takes('an object, or false', isObject)(option, value);
    MIRRORS(option, value);
  },
  allowForeignUrls: flag,
  env: values,
};

export const COMPRESSION = objectOf<CompressionChoice>({ kind: oneOf('gzip', 'zstd', 'none'), level: whole });

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
  chunkSize: positive,
};

const REACH_CHECKS = {
  ...IMAGE_CHECKS,
  chunkSize: positive,
  force: flag,
  destination: objectOf<NonNullable<CopySourceOptions['destination']>>(REGISTRY_CHECKS),
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
  health: object,
  changes: texts,
};

const UNPACK: Checks<Omit<UnpackOptions, 'ownership'>> = {
  ...CONTEXT_CHECKS,
  force: flag,
  strict: flag,
  policy: object,
  limits: LIMITS,
  threads: whole,
};

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

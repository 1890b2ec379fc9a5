// Names below the place where images and containers are kept. Several rooms go by them, so they are here alone: what
// one of them calls a leftover is removed, with its data, where another calls it something else.

/** Files and folders beside the image layout. store/open.ts says what each is for. */
export const STORE_NAME = {
  partial: 'partial',
  blobsLock: 'blobs.lock',
  indexLock: 'index.lock',
  layers: 'layers',
  containers: 'containers',
  containersLock: 'containers.lock',
  sweepLock: 'sweep.lock',
} as const;

/** In the folder of all containers, beside their directories, each named by its ID. */
export const CONTAINERS_NAME = { names: 'names', namesLock: 'names.lock' } as const;

/** In a container's directory. */
export const CONTAINER_NAME = {
  /** Whoever keeps it alive holds it; the kernel gives it back however its holder ends. */
  lock: 'lock',
  /** Without this file a container that nobody keeps alive is a leftover, and is swept. */
  kept: 'kept',
  /** It was told to stop: it is not started again by itself. */
  stop: 'stop',
  /** Whose processes it is made of, from before the command runs until all of them are gone. */
  life: 'life.json',
  /** The volumes that its image names, each below its number. */
  volumes: 'volumes',
  record: 'record.json',
  state: 'state.json',
  log: 'log',
  /** What it changed, and what else overlayfs wants. */
  upper: 'upper',
  work: 'work',
  merged: 'merged',
  /** Links to its layers, `0` the top one. */
  lowers: 'l',
  /** A copy of the image's files, where no overlay can be mounted. */
  plain: 'plain',
} as const;

/** In a folder of unpacked layers: held by whoever unpacks into it. */
export const LAYERS_LOCK = 'lock';
/** What begins so is being made, or is being removed: a leftover where nobody is at it. */
export const TEMPORARY_PREFIX = '.tsimg-';
/** A container or layer that is being removed. */
export const TRASH_PREFIX = `${TEMPORARY_PREFIX}gone-`;

/** A container's ID, and so its directory. */
export const CONTAINER_ID = /^[0-9a-f]{64}$/;
/** Folders of layers: those that root unpacked, and those of each ID map, by 16 digits of its digest. */
export const ROOT_LAYERS = 'root';
export const USER_LAYERS_PREFIX = 'user-';
export const LAYERS_KEY = new RegExp(`^(?:${ROOT_LAYERS}|${USER_LAYERS_PREFIX}[0-9a-f]{16})$`);
/** A layer's chain ID without its algorithm, and so its directory. */
export const LAYER_CHAIN = /^[0-9a-f]{64,128}$/;

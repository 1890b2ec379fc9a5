// Names of files and folders below `--root`. All of them are here: if two rooms spelled a name differently, one could
// take the other's data for leftovers and remove it.

/** Files and folders beside the image layout; store/open.ts says what each is for. */
export const STORE_NAME = {
  partial: 'partial',
  attached: 'attached',
  dropped: 'dropped',
  trust: 'trust',
  blobsLock: 'blobs.lock',
  indexLock: 'index.lock',
  layers: 'layers',
  entries: 'entries',
  containers: 'containers',
  containersLock: 'containers.lock',
  /** The networks that `network create` made: a file `NAME.json` for each, and a lock. */
  networks: 'networks',
  volumes: 'volumes',
  volumesLock: 'volumes.lock',
  /** What happened to containers, images, volumes and networks, one event a line; `eventsBefore` is the file before. */
  events: 'events.jsonl',
  eventsBefore: 'events.1.jsonl',
  sweepLock: 'sweep.lock',
} as const;

/** In `partial`: a blob that is being received, `ALGORITHM-HEX`. The holder of its flock(2) writes it. */
export const PARTIAL_BLOB = /^(?:sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})$/;

/** In the folder of all containers, which holds a directory for each container, named by its ID. */
export const CONTAINERS_NAME = { names: 'names', namesLock: 'names.lock' } as const;

/** In the directory of a volume, which is named by the volume in the folder of all volumes. */
export const VOLUME_NAME = {
  /** What is known of the volume. A directory without it is not complete. */
  record: 'volume.json',
  data: 'data',
  /** Held while the volume's record is made, and while it gets its first content. */
  lock: 'lock',
} as const;

/** In a container's directory. */
export const CONTAINER_NAME = {
  /**
   * Held by the tsimg process of the container while it is alive; the kernel releases it whenever that process ends.
   */
  lock: 'lock',
  /** A container without this file and without a process is a leftover, which a sweep removes. */
  kept: 'kept',
  /** The container was told to stop: its restart policy does not start it again. */
  stop: 'stop',
  /** The identity of the container's processes, from before the command runs until all of them are gone. */
  life: 'life.json',
  /** The image's volumes, each below its number. */
  volumes: 'volumes',
  /** The monitor's socket: processes attach to the container's streams by it. */
  attach: 'attach',
  record: 'record.json',
  state: 'state.json',
  log: 'log',
  /** The container's changes, and the other directories that overlayfs needs. */
  upper: 'upper',
  work: 'work',
  merged: 'merged',
  /** Links to the layers, `0` the top one. */
  lowers: 'l',
  /** A copy of the image's files, used where no overlay can be mounted. */
  plain: 'plain',
  /** Where a sandbox's files in memory, and its snapshots, are mounted; empty for all other processes. */
  scratch: 'scratch',
  snapshots: 'snapshots',
} as const;

/** In a folder of unpacked layers: held by each process that unpacks into the folder. */
export const LAYERS_LOCK = 'lock';
/** A name that begins so is under construction or being removed; without a process at work on it, it is a leftover. */
export const TEMPORARY_PREFIX = '.tsimg-';
/** A container or layer that is being removed. */
export const TRASH_PREFIX = `${TEMPORARY_PREFIX}gone-`;

/** A container's ID, which is the name of its directory. */
export const CONTAINER_ID = /^[0-9a-f]{64}$/;
/** Folders of unpacked layers: root's, and one for each ID map, named by 16 digits of the map's digest. */
export const ROOT_LAYERS = 'root';
export const USER_LAYERS_PREFIX = 'user-';
export const LAYERS_KEY = new RegExp(`^(?:${ROOT_LAYERS}|${USER_LAYERS_PREFIX}[0-9a-f]{16})$`);
/** A layer's chain ID without its algorithm, which is the name of its directory. */
export const LAYER_CHAIN = /^[0-9a-f]{64,128}$/;

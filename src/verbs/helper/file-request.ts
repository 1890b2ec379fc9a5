import type { TreeForm } from '../../disk/scan/authored-node.ts';
import type { OverlayForm } from '../../disk/scan/overlay-node.ts';
import type { UpperChange } from '../../disk/scan/upper-changes.ts';
import { isEvent, type TsimgEvent } from '../../events.ts';
import {
  type Check,
  either,
  fields,
  isCount,
  isFlag,
  isText,
  listOf,
  oneOf,
  optional,
} from '../../host/state/document-shape.ts';
import { isIdMap, isRootSpec } from '../../host/state/record.ts';
import type { BindStep, IdMap, Step } from '../../launch/launch-plan.ts';
import type { ExpansionLimits } from '../../streams/byte-budget.ts';
import { type CopiedWhat, isCopiedWhat } from './copy-rules.ts';

/** The layers of a container, and the form in which they were written. */
interface OverlaySource {
  readonly kind: 'overlay';
  readonly form: OverlayForm;
  /** A path on the host, as those of `lowers`, the top one first. */
  readonly upper: string;
  readonly lowers: readonly string[];
  /** As in `UpperOptions`. */
  readonly mountPlaces: readonly string[];
}

/** A container's copy of its image, which it changes in place. */
interface CopySource {
  readonly kind: 'copy';
  readonly form: TreeForm & { readonly owners: 'kept' | 'recorded' };
  /** A path on the host. */
  readonly root: string;
  /** Where `passBase` wrote the image's tree. */
  readonly folded: string;
  /** As in `UpperOptions`. */
  readonly mountPlaces: readonly string[];
}

/** Where a container's changes are read from. */
export type ChangesSource = OverlaySource | CopySource;

/** The root of a container: of a running one, passed as `DESCRIPTOR.root`, or one to mount. */
export type RootRequest = RunningRequest | MountRequest;

/** The root of a running container. */
interface RunningRequest {
  readonly kind: 'running';
  /**
   * The map of a running container of root's (--userns auto): its mounts show the files with the map's IDs, and this
   * process is in no such namespace. Absent where this process sees the files with the container's own IDs.
   */
  readonly shown?: IdMap | undefined;
}

/** The root of a container that is not running, with the volumes of its image, which are mounted in the root. */
export interface MountRequest {
  readonly kind: 'mount';
  readonly step: Extract<Step, { do: 'root' }>;
  readonly volumes: readonly BindStep[];
}

interface VolumeToMake {
  readonly directory: string;
  readonly path: string;
  readonly isOfImage: boolean;
  readonly staysEmpty: boolean;
}

/** A request to make volumes of a container, with the content that its root has at `path`. */
export interface FillRequest {
  readonly do: 'fill-volumes';
  readonly root: MountRequest;
  /** `directory` is a path on the host, whose parent exists; `isOfImage`: the image has named it, not the user. */
  readonly volumes: readonly VolumeToMake[];
}

/** A request to put an archive into a container. Its files belong to root there, unless owners are kept. */
export interface CopyInRequest {
  readonly do: 'copy-in';
  readonly root: RootRequest;
  readonly path: string;
  readonly what: CopiedWhat;
  readonly keepOwners: boolean;
}

/** A request to send a path of a container as an archive. */
export interface CopyOutRequest {
  readonly do: 'copy-out';
  readonly root: RootRequest;
  readonly path: string;
  readonly follow: boolean;
}

/** A request to send the changes of a container as a layer. Files that are newer than `newest` get this time. */
export interface LayerRequest {
  readonly do: 'layer';
  readonly of: ChangesSource;
  readonly limits: ExpansionLimits;
  /** Seconds since 1970. */
  readonly newest?: number | undefined;
}

/** A request to the file helper, which works with a container's IDs. `paths` of `sizes` are directories of the host. */
export type FileRequest =
  | { readonly do: 'changes'; readonly of: ChangesSource }
  | { readonly do: 'sizes'; readonly paths: readonly string[] }
  | LayerRequest
  | FillRequest
  | CopyInRequest
  | CopyOutRequest;

/** A change in a list. The path is bytes (latin1), without the first slash. */
export interface ListedChange extends Pick<UpperChange, 'kind'> {
  readonly path: string;
}

/** A message of the file helper. */
export type FileMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'change'; readonly change: ListedChange }
  /** `bytes` as `contentSize` has them. */
  | { readonly kind: 'size'; readonly path: string; readonly bytes: number }
  /** For `receiveError`. */
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'done' };

const isNumber: Check = (value) => typeof value === 'number';
const isSource = either(
  fields({
    kind: oneOf('overlay'),
    form: fields({ overlay: oneOf('trusted', 'user'), recorded: isFlag }),
    upper: isText,
    lowers: listOf(isText),
    mountPlaces: listOf(isText),
  }),
  fields({
    kind: oneOf('copy'),
    form: fields({ owners: oneOf('kept', 'recorded'), records: isFlag }),
    root: isText,
    folded: isText,
    mountPlaces: listOf(isText),
  }),
);
const isBind = fields({
  do: oneOf('bind'),
  source: isText,
  target: isText,
  attributes: listOf(isText),
  propagation: optional(isText),
});
const isMount = fields({
  kind: oneOf('mount'),
  step: fields({ do: oneOf('root'), root: isRootSpec, userXattr: isFlag, attributes: listOf(isText) }),
  volumes: listOf(isBind),
});
const isRoot = either(fields({ kind: oneOf('running'), shown: optional(isIdMap) }), isMount);

const REQUESTS: Readonly<Record<FileRequest['do'], Check>> = {
  changes: fields({ of: isSource }),
  sizes: fields({ paths: listOf(isText) }),
  layer: fields({
    of: isSource,
    limits: fields({ maxSize: optional(isNumber), maxRatio: optional(isNumber) }),
    newest: optional(isNumber),
  }),
  'fill-volumes': fields({
    root: isMount,
    volumes: listOf(fields({ directory: isText, path: isText, isOfImage: isFlag, staysEmpty: isFlag })),
  }),
  'copy-in': fields({ root: isRoot, path: isText, what: isCopiedWhat, keepOwners: isFlag }),
  'copy-out': fields({ root: isRoot, path: isText, follow: isFlag }),
};

/** Whether a value that came from another process is a request. */
export function isFileRequest(value: unknown): value is FileRequest {
  return Object.entries(REQUESTS).some(([name, check]) => fields({ do: oneOf(name) })(value) && check(value));
}

const isMessage: Check = (value) =>
  fields({ kind: oneOf('error', 'done') })(value) ||
  fields({ kind: oneOf('event'), event: isEvent })(value) ||
  fields({ kind: oneOf('size'), path: isText, bytes: isCount })(value) ||
  fields({
    kind: oneOf('change'),
    change: fields({ kind: oneOf('added', 'changed', 'deleted'), path: isText }),
  })(value);

/** Whether a value that came from another process is a message of the file helper. */
export function isFileMessage(value: unknown): value is FileMessage {
  return isMessage(value);
}

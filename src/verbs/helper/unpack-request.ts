import type { LayerInput } from '../../disk/read/read-layer.ts';
import type { LayerDirectory } from '../../disk/unpack-layers.ts';
import type { UnpackOptions, UnpackReport } from '../../disk/unpack-options.ts';
import { type Context, isEvent, type TsimgEvent } from '../../events.ts';
import {
  type Check,
  fields,
  isCount,
  isFlag,
  isText,
  listOf,
  mapOf,
  oneOf,
  optional,
} from '../../host/state/document-shape.ts';
import { isIdMap } from '../../host/state/record.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { ImageConfig } from '../../oci/config.ts';
import { isDigest } from '../../oci/digest.ts';
import type { Form, OverlayNamespace } from '../../rootfs/fold/real-attributes.ts';

/** The form in which layers are unpacked. */
export type UnpackInto =
  /** A root filesystem. */
  | { readonly kind: 'flat'; readonly destination: string }
  /** Each layer for overlayfs, in a directory of its own. */
  | { readonly kind: 'layers'; readonly directories: readonly LayerDirectory[]; readonly form: Required<Form> }
  /** Each layer for overlayfs, in directories `0`, `1`, … of the destination, base first. */
  | { readonly kind: 'side-by-side'; readonly destination: string; readonly overlay: OverlayNamespace }
  /** A root filesystem, and the configuration with which an OCI runtime starts it. */
  | {
      readonly kind: 'bundle';
      readonly destination: string;
      readonly config: ImageConfig;
      /** The map of the container's user namespace; absent where it needs none. */
      readonly idMap?: IdMap;
    };

/** The options of unpacking that can be sent to another process. */
export type UnpackSettings = Omit<UnpackOptions, keyof Context>;

/** Layers to unpack, and how. */
export interface UnpackTask {
  /** Base first. */
  readonly layers: readonly LayerInput[];
  readonly into: UnpackInto;
  readonly settings: UnpackSettings;
}

/** A task for the unpack helper. The layers follow as streams, base first. */
export interface UnpackRequest extends Omit<UnpackTask, 'layers'> {
  readonly layers: readonly Pick<LayerInput, 'label' | 'diffId' | 'size' | 'digest'>[];
}

/** A message of the unpack helper. */
export type UnpackMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'done'; readonly report: PortableReport }
  /** For `receiveError`. */
  | { readonly kind: 'error'; readonly error: unknown };

/** A report in the form of JSON, which has no maps. */
export interface PortableReport extends Omit<UnpackReport, 'tolerated'> {
  readonly tolerated: readonly (readonly [name: string, count: number])[];
}

const isNumber: Check = (value) => typeof value === 'number';
const isDigestText: Check = (value) => typeof value === 'string' && isDigest(value);
const isDirectory = fields({ path: isText, present: isFlag, entries: optional(isText), kept: optional(isFlag) });
const isImageConfig = fields({
  platform: fields({ os: isText, architecture: isText }),
  run: fields({
    user: isText,
    env: listOf(isText),
    entrypoint: listOf(isText),
    cmd: listOf(isText),
    workingDir: isText,
    labels: mapOf(isText),
    exposedPorts: listOf(isText),
    volumes: listOf(isText),
    stopSignal: isText,
  }),
  diffIds: listOf(isDigestText),
});

const KINDS: Readonly<Record<UnpackInto['kind'], Check>> = {
  flat: fields({ destination: isText }),
  layers: fields({
    directories: listOf(isDirectory),
    form: fields({ ownership: oneOf('set', 'record'), overlay: oneOf('trusted', 'user') }),
  }),
  'side-by-side': fields({ destination: isText, overlay: oneOf('trusted', 'user') }),
  bundle: fields({ destination: isText, config: isImageConfig, idMap: optional(isIdMap) }),
};

const isInto: Check = (value) =>
  Object.entries(KINDS).some(([kind, check]) => fields({ kind: oneOf(kind) })(value) && check(value));

const isRequest = fields({
  layers: listOf(
    fields({ label: isText, diffId: optional(isDigestText), size: isCount, digest: optional(isDigestText) }),
  ),
  into: isInto,
  settings: fields({
    force: optional(isFlag),
    strict: optional(isFlag),
    policy: optional(mapOf(oneOf('strict', 'warn', 'ignore'))),
    ownership: optional(oneOf('set', 'record')),
    limits: optional(mapOf(isNumber)),
    threads: optional(isCount),
  }),
});

/** Whether a value that came from another process is a request to unpack. */
export function isUnpackRequest(value: unknown): value is UnpackRequest {
  return isRequest(value);
}

const isPair: Check = (value) => Array.isArray(value) && value.length === 2 && isText(value[0]) && isCount(value[1]);
const isReport = fields({ destination: isText, layers: isCount, names: isCount, tolerated: listOf(isPair) });
const isMessage: Check = (value) =>
  fields({ kind: oneOf('error') })(value) ||
  fields({ kind: oneOf('event'), event: isEvent })(value) ||
  fields({ kind: oneOf('done'), report: isReport })(value);

/** Whether a value that came from another process is a message of the unpack helper. */
export function isUnpackMessage(value: unknown): value is UnpackMessage {
  return isMessage(value);
}

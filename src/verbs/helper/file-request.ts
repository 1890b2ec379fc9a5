import type { OverlayForm } from '../../disk/scan/overlay-node.ts';
import type { UpperChange } from '../../disk/scan/upper-changes.ts';
import type { TsimgEvent } from '../../events.ts';
import type { BindStep, Step } from '../../launch/launch-plan.ts';
import type { ExpansionLimits } from '../../streams/byte-budget.ts';
import type { PortableError } from '../../sys/portable-error.ts';
import type { CopiedWhat } from './copy-rules.ts';

/** The layers of a container, and how they are to be read. */
export interface LayersRequest {
  readonly form: OverlayForm;
  /** Paths on the host; lowers top first. */
  readonly upper: string;
  readonly lowers: readonly string[];
  /** As of `UpperOptions`. */
  readonly mountPlaces: readonly string[];
}

/** The root of a container: of one that runs, which is handed over (`DESCRIPTOR.root`), or mounted anew. */
export type RootRequest = { readonly kind: 'running' } | MountRequest;

/** The root of a container that does not run, and the volumes of its image, which are mounted in it. */
export interface MountRequest {
  readonly kind: 'mount';
  readonly step: Extract<Step, { do: 'root' }>;
  readonly volumes: readonly BindStep[];
}

/** Volumes of a container that are to be made, of what its root has at `path`. */
export interface FillRequest {
  readonly do: 'fill-volumes';
  readonly root: MountRequest;
  /** `directory` is a path of the host; the one that it is in is there. */
  readonly volumes: readonly { readonly directory: string; readonly path: string }[];
}

/** What is copied into a container, and whose it becomes. */
export interface CopyInRequest {
  readonly do: 'copy-in';
  readonly root: RootRequest;
  readonly path: string;
  readonly what: CopiedWhat;
  readonly keepOwners: boolean;
}

export interface CopyOutRequest {
  readonly do: 'copy-out';
  readonly root: RootRequest;
  readonly path: string;
  readonly follow: boolean;
}

/** What a process of ours that has a container's IDs is asked for. */
export type FileRequest =
  | ({ readonly do: 'changes' } & LayersRequest)
  | ({ readonly do: 'layer'; readonly limits: ExpansionLimits } & LayersRequest)
  | FillRequest
  | CopyInRequest
  | CopyOutRequest;

/** A change as it is listed: its path in bytes (latin1), without the first slash. */
export interface ListedChange extends Pick<UpperChange, 'kind'> {
  readonly path: string;
}

/** What it says. */
export type FileMessage =
  | { readonly kind: 'event'; readonly event: TsimgEvent }
  | { readonly kind: 'change'; readonly change: ListedChange }
  | { readonly kind: 'error'; readonly error: PortableError }
  | { readonly kind: 'done' };

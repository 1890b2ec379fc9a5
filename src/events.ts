/**
 * Progress of a long operation, passed to `onEvent`. Sizes are bytes. Names come from outside as they are: escape them
 * before printing.
 */
export type TsimgEvent =
  | { readonly kind: 'resolved'; readonly name: string; readonly digest: string }
  /**
   * A good signature, before anything of the image is used: of the digest that was signed, an index's or an image's.
   */
  | { readonly kind: 'verified'; readonly digest: string; readonly signer: string }
  | { readonly kind: 'blob-started'; readonly digest: string; readonly size: number }
  | { readonly kind: 'blob-progress'; readonly digest: string; readonly done: number; readonly size: number }
  | { readonly kind: 'blob-done'; readonly digest: string; readonly size: number; readonly reused: boolean }
  | {
      readonly kind: 'layer-started';
      readonly diffId: string;
      readonly index: number;
      readonly count: number;
      readonly size: number;
    }
  | { readonly kind: 'layer-progress'; readonly diffId: string; readonly done: number; readonly size: number }
  | { readonly kind: 'layer-done'; readonly diffId: string; readonly entries: number }
  /** The end of a layer that is stored in another form: its new digest, and the bytes of the blob before and after. */
  | {
      readonly kind: 'layer-compressed';
      readonly diffId: string;
      readonly digest: string;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'retry'; readonly what: string; readonly why: string; readonly attempt: number }
  /** The kernel killed a process of the running container because the memory limit of its cgroup was reached. */
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'warning'; readonly message: string }
  /** A detail that helps to find the cause of a result: the command prints it with `--debug` only. */
  | { readonly kind: 'detail'; readonly message: string };

/** Called for each event, in the order in which they happen. It must not throw. */
export type OnEvent = (event: TsimgEvent) => void;

/** The options that every long operation takes. */
export interface Context {
  /** Aborting it ends the operation, which then rejects. */
  readonly signal?: AbortSignal | undefined;
  /** Called with progress and warnings. */
  readonly onEvent?: OnEvent | undefined;
}

/** The fields of each event, with their types as `typeof` names them. */
const FIELDS: Readonly<Record<TsimgEvent['kind'], Readonly<Record<string, 'string' | 'number' | 'boolean'>>>> = {
  resolved: { name: 'string', digest: 'string' },
  verified: { digest: 'string', signer: 'string' },
  'blob-started': { digest: 'string', size: 'number' },
  'blob-progress': { digest: 'string', done: 'number', size: 'number' },
  'blob-done': { digest: 'string', size: 'number', reused: 'boolean' },
  'layer-started': { diffId: 'string', index: 'number', count: 'number', size: 'number' },
  'layer-progress': { diffId: 'string', done: 'number', size: 'number' },
  'layer-done': { diffId: 'string', entries: 'number' },
  'layer-compressed': { diffId: 'string', digest: 'string', from: 'number', to: 'number' },
  retry: { what: 'string', why: 'string', attempt: 'number' },
  'out-of-memory': {},
  warning: { message: 'string' },
  detail: { message: 'string' },
};

function isKind(kind: unknown): kind is TsimgEvent['kind'] {
  return typeof kind === 'string' && Object.hasOwn(FIELDS, kind);
}

/** Whether a value that came from another process is an event. */
export function isEvent(value: unknown): value is TsimgEvent {
  if (typeof value !== 'object' || value === null) return false;
  const found = new Map<string, unknown>(Object.entries(value));
  const kind = found.get('kind');
  return isKind(kind) && Object.entries(FIELDS[kind]).every(([name, type]) => typeof found.get(name) === type);
}

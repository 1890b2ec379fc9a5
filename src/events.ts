/** Progress of anything that takes long, told through `onEvent`. Sizes are bytes. Names are raw: escape before printing. */
export type TsimgEvent =
  | { readonly kind: 'resolved'; readonly name: string; readonly digest: string }
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
  | { readonly kind: 'retry'; readonly what: string; readonly why: string; readonly attempt: number }
  /** The kernel killed a process of the container that runs, because the memory of its cgroup was used up. */
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'warning'; readonly message: string };

export type OnEvent = (event: TsimgEvent) => void;

/** What every `open…` and every verb takes. */
export interface Context {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
}

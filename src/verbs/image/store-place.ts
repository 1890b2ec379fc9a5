import { storeRoot } from '../../store/root.ts';

export interface StorePlace {
  /** `--root`; $TSIMG_ROOT or the user's data folder when absent. */
  readonly root?: string | undefined;
}

/** Where the images of this caller are kept. */
export function storePlace({ root }: StorePlace): string {
  return storeRoot(root, process.env, process.geteuid?.() ?? 0, process.cwd);
}

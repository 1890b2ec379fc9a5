import { statePlace, storePlace } from '../../verbs/places.ts';

/** Where containers and images are. */
export interface ContainerPlace {
  readonly stateRoot: string;
  /** `root` as the caller gave it. */
  readonly root: string | undefined;
}

/** Returns where the containers and images of a caller are. @throws STORE_INVALID, FILESYSTEM */
export function placeOf(root: string | undefined): ContainerPlace {
  return { stateRoot: statePlace({ root }), root };
}

/** Returns the folder of images. @throws STORE_INVALID where no place is known */
export function imagesOf({ root }: ContainerPlace): string {
  return storePlace({ root });
}

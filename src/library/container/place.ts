import { statePlace, storePlace } from '../../verbs/places.ts';

/** Where containers and images are. */
export interface ContainerPlace {
  readonly stateRoot: string;
  /** `root` as the caller gave it. */
  readonly root: string | undefined;
}

/** The parts of a {@link Container}. */
export interface ContainerParts {
  readonly id: string;
  readonly name: string;
  readonly place: ContainerPlace;
  /** Whether the container stays at the end of an `await using`. */
  readonly keep: boolean;
}

/** Returns where the containers and images of a caller are. @throws STORE_INVALID, FILESYSTEM */
export function placeOf(root: string | undefined): ContainerPlace {
  return { stateRoot: statePlace({ root }), root };
}

/** Returns the folder of images. @throws STORE_INVALID where no place is known */
export function imagesOf({ root }: ContainerPlace): string {
  return storePlace({ root });
}

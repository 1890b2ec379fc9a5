import { recordEvent } from '../../host/state/events-file.ts';
import { storedName } from '../../store/names.ts';

/** Writes the event `tag` for each name that an image of a store has got. */
export function recordNames(storeRoot: string, names: readonly string[]): void {
  for (const name of names.map(storedName)) {
    recordEvent(storeRoot, { type: 'image', action: 'tag', id: name, attributes: { name } });
  }
}

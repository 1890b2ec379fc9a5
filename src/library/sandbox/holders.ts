import { type Holder, openHolder } from '../../host/box/holder.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';

/** A holder that some sandboxes of this thread use. */
export interface SharedHolder {
  readonly holder: Holder;
  /** Says that one more sandbox uses it. */
  share(): SharedHolder;
  /** Says that one sandbox less does; the last one ends it. */
  release(): Promise<void>;
}

/** The holders that new sandboxes may use too, by their maps: an ordinary user's user namespace takes a while to make. */
const open = new Map<string, Promise<SharedHolder>>();

function sharedHolder(holder: Holder, onLast: () => void): SharedHolder {
  let users = 1;
  const shared: SharedHolder = {
    holder,
    share() {
      users += 1;
      return shared;
    },
    async release() {
      users -= 1;
      if (users > 0) return;
      onLast();
      await holder.close();
    },
  };
  return shared;
}

/**
 * Returns a holder for containers with this map: one that is open, or a new one.
 * @param isOwn whether no other sandbox may use it
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function findHolder(idMap: IdMap | undefined, tools: HostTools, isOwn: boolean): Promise<SharedHolder> {
  if (isOwn) return sharedHolder(await openHolder(idMap, tools), () => {});
  const key = JSON.stringify(idMap ?? null);
  const found = open.get(key);
  if (found !== undefined) {
    // One that is just being made may fail: then the others that wait for it fail as well.
    const shared = await found;
    // It may have been closed meanwhile, or killed.
    if (open.get(key) === found && shared.holder.isThere()) return shared.share();
    if (open.get(key) === found) open.delete(key);
    return await findHolder(idMap, tools, isOwn);
  }
  const made = openHolder(idMap, tools).then((holder) =>
    sharedHolder(holder, () => {
      if (open.get(key) === made) open.delete(key);
    }),
  );
  open.set(key, made);
  try {
    return await made;
  } catch (error) {
    open.delete(key);
    throw error;
  }
}

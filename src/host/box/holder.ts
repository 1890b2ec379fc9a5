import { readFileSync } from 'node:fs';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { IdExtent } from '../../linux/ids.ts';
import { MS } from '../../linux/mount-flags.ts';
import type { ProcessEnd, StartedProcess } from '../../sys/process/start-process.ts';
import { reap } from '../../sys/stub/call/await-end.ts';
import { dieWithParent, setIds, setUmask } from '../../sys/stub/call/become.ts';
import { mount } from '../../sys/stub/call/mounts.ts';
import { makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { forkStub } from '../../sys/stub/fork-stub.ts';
import type { Call } from '../../sys/stub/request.ts';
import { type StartedStub, startStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { StubOrigin } from '../start/execute-options.ts';
import { makeUserNamespace } from '../start/make-user-namespace.ts';
import { limitWatches, shareOfAll } from './watch-limits.ts';

/**
 * A stub with namespaces of its own, in which the files of boxes are mounted in memory: they last from one run of a box
 * to the next, and are gone with this process. The stubs of launches are its children, so they see these mounts, and an
 * ordinary user's user namespace is made once.
 */
export interface Holder extends StubOrigin {
  readonly stub: Stub;
  /** The map of its containers. */
  readonly idMap: IdMap | undefined;
  /** Whether it is there: it ends when a process with the right to do so kills it. */
  isThere(): boolean;
  close(): Promise<void>;
}

/** A call that changes nothing: the umask of a holder is 0 already. */
const NOTHING: Call = { name: 'umask', args: [0] };

/** Ends a child that is a stub still, and reaps it. */
function endChild(holder: Stub, child: Stub): void {
  child.close();
  try {
    reap(holder, child.pid);
  } catch {
    // The holder is gone, and its children with it.
  }
}

/** A child of a stub, which this process cannot wait for. */
function childOf(holder: Stub, pid: number): StartedProcess {
  let end: Promise<ProcessEnd> | undefined;
  let isReaped = false;
  const wait = async (): Promise<ProcessEnd> => {
    try {
      reap(holder, pid);
    } catch {
      // The holder is gone, and its children with it.
    }
    isReaped = true;
    return { status: null, signal: 'SIGKILL' };
  };
  return {
    pid,
    // `ended` is asked for only after the child's socket is closed or the child is killed; then it ends at once.
    get ended() {
      end ??= wait();
      return end;
    },
    kill(signal) {
      // Until it is reaped, its number cannot be another's.
      if (isReaped) return;
      try {
        process.kill(pid, signal);
      } catch {
        // The holder is gone.
      }
    },
    stream(descriptor): never {
      throw new RangeError(`descriptor ${descriptor} is no pipe`);
    },
    release() {},
  };
}

/** Starts a child of a holder, which is a stub as `startStub` makes it. @throws SYSTEM_CALL, LAUNCH_FAILED */
export async function startChild(holder: Stub): Promise<StartedStub> {
  const stub = forkStub(holder);
  dieWithParent(stub);
  return { stub, process: childOf(holder, stub.pid) };
}

/** The IDs of this process's user namespace, each as itself. user_namespaces(7) */
function ownExtents(file: 'uid_map' | 'gid_map'): readonly IdExtent[] {
  const lines = readFileSync(`/proc/self/${file}`, 'latin1').trim().split('\n');
  return lines.map((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return { inside, outside: inside, count };
  });
}

/**
 * Makes a user namespace with all IDs as they are, above those of root's boxes; returns its root, the only process that
 * is ever in it. It bounds the inotify watches of all boxes together, which the kernel charges to the host's root.
 */
async function openNamespaceOfAll(stub: Stub, tools: HostTools): Promise<Stub> {
  const root = forkStub(stub);
  try {
    await makeUserNamespace(root, { uids: ownExtents('uid_map'), gids: ownExtents('gid_map'), by: 'root' }, tools);
    dieWithParent(root);
    limitWatches(root, shareOfAll());
    return root;
  } catch (error) {
    endChild(stub, root);
    throw error;
  }
}

/** Starts a holder for containers with this map. @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL */
export async function openHolder(idMap: IdMap | undefined, tools: HostTools): Promise<Holder> {
  const { stub, process: started } = await startStub();
  let above: Stub | undefined;
  const close = async () => {
    if (above !== undefined) endChild(stub, above);
    stub.close();
    started.kill('SIGKILL');
    await started.ended;
  };
  try {
    if (idMap !== undefined && idMap.by !== 'root') {
      await makeUserNamespace(stub, idMap, tools);
      setIds(stub, 0, 0);
      limitWatches(stub);
    }
    if (idMap?.by === 'root') above = await openNamespaceOfAll(stub, tools);
    makeNamespaces(stub, ['mount']);
    // Not private: what is unmounted on the host is unmounted here too, and is not kept busy.
    mount(stub, { source: null, target: '/', type: null, flags: MS.slave | MS.recursive }, '/');
    setUmask(stub, 0);
    dieWithParent(stub);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    stub,
    idMap,
    isMapped: idMap !== undefined,
    onUserNamespace: (mapped) => limitWatches(mapped),
    userNamespaceAbove: above,
    start: () => startChild(stub),
    isThere: () => [stub, above].every((each) => each === undefined || each.attempt([NOTHING]) !== undefined),
    close,
  };
}

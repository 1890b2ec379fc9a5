import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { formatNftables } from '../../launch/network/firewall.ts';
import { type NamedNetwork, rulesOf } from '../../launch/network/named-network.ts';
import { pastaOptions } from '../../launch/network/pasta-options.ts';
import { gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress } from '../../linux/ipv4.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import { joinNamespacesOf, openProcess } from '../../sys/stub/call/namespaces.ts';
import { type StartedStub, startStub } from '../../sys/stub/start-stub.ts';
import { requireTool, TOOL_ENV } from '../facts/tools.ts';
import { collectComplaints } from '../stdio/complaints.ts';
import { bridgeExists, hardwareAddress, withoutIpv6 } from './bridge-device.ts';
import { runTool } from './run-tool.ts';

// An ordinary user's network lives in a network namespace that a process without any work holds, together with the user
// namespace that the former belongs to. The bridge is there, and pasta beside it is the way out. A watching process
// ends all of it when no tsimg holds a lock on the file `users` any more, however the last one of them ended.

/** The index of the bridge's device, so that no program has to look for it. */
export const BRIDGE_INDEX = 16;
/** Milliseconds until the holder is given up, and between two looks. */
const [LONGEST, LOOK] = [10_000, 20];

/** Sets up the namespace as its root, says so, and stays. The rules come as the input. */
const HOLD = `set -e
"$1" -batch - <<END
$2
END
if [ -n "$3" ]; then
  echo 1 > /proc/sys/net/ipv4/ip_forward
  "$3" -f -
fi
echo ready
exec sleep 2147483647`;

/**
 * Waits until no process holds the lock `users`, and ends the holder and pasta while it holds the lock itself: a
 * process that gets the lock after that finds no record of a holder, and one that had it before kept this one waiting.
 * It checks by names that the processes are still those. A process that has ended and is not yet waited for has no
 * `exe`.
 */
const WATCH = `exec 9<>"$2/users"
"$1" -x 9
if [ -e "$2/pasta.pid" ]; then
  read -r pasta < "$2/pasta.pid"
  tr '\\0' '\\n' < "/proc/$pasta/cmdline" 2>/dev/null | grep -qxF "$2/pasta.pid" && kill "$pasta"
fi
grep -q "^ *$4:" "/proc/$3/net/dev" 2>/dev/null && kill "$3"
turn=0
while [ "$turn" -lt 200 ] && { [ -e "/proc/$3/exe" ] || [ -e "/proc/\${pasta:-none}/exe" ]; }; do
  sleep 0.02
  turn=$((turn + 1))
done
rm -f "$2/pasta.pid" "$2/holder.json"
:`;

/** A process that holds a network, as it is recorded. */
export interface NetworkHolder {
  readonly pid: number;
}

function recordFile(directory: string): string {
  return join(directory, 'holder.json');
}

/** The file on which each tsimg with a container on the network has a shared lock. */
export function usersFile(directory: string): string {
  return join(directory, 'users');
}

/** Whether a process is in a network namespace with this bridge. */
function holds(pid: number, bridge: string): boolean {
  try {
    return bridgeExists(bridge, pid);
  } catch {
    // It has ended.
    return false;
  }
}

/** Returns the holder of a network; undefined where there is none, or none any more. */
export function findHolder(directory: string, named: NamedNetwork): NetworkHolder | undefined {
  if (!existsSync(recordFile(directory))) return undefined;
  const holder: NetworkHolder = JSON.parse(readFileSync(recordFile(directory), 'utf8'));
  return holds(holder.pid, rulesOf(named).bridge) ? holder : undefined;
}

/** The commands of ip(8) that make the bridge. */
function bridgeCommands({ subnet, ...named }: NamedNetwork): string {
  const { bridge } = rulesOf(named);
  const gateway = gatewayOf(subnet);
  return [
    'link set lo up',
    `link add ${bridge} index ${BRIDGE_INDEX} address ${hardwareAddress(gateway)} type bridge`,
    ...withoutIpv6(bridge),
    `address add ${formatAddress(gateway)}/${subnet.bits} brd + dev ${bridge}`,
    `link set ${bridge} up`,
  ].join('\n');
}

/**
 * Starts the holder of a network, with the bridge and the way out. The caller has the shared lock of the network's
 * users, and the one of all bridges. @throws LAUNCH_FAILED, HOST_UNSUPPORTED
 */
export async function startHolder(directory: string, named: NamedNetwork, tools: HostTools): Promise<NetworkHolder> {
  const rules = rulesOf(named);
  const { internal } = named;
  const sh = requireTool(tools, 'sh');
  const isolated = ['--user', '--map-root-user', '--net', '--', sh, '-c', HOLD, 'sh', requireTool(tools, 'ip')];
  const nft = internal ? '' : requireTool(tools, 'nft');
  const child = await startProcess(requireTool(tools, 'unshare'), [...isolated, bridgeCommands(named), nft], {
    descriptors: ['pipe', 'pipe', 'pipe'],
    env: TOOL_ENV,
    cwd: '/',
    ownSession: true,
  });
  let isWatched = false;
  try {
    const complaints = collectComplaints(child.stream(2));
    complaints.catch(() => {});
    child.stream(0).on('error', () => {});
    child.stream(0).end(internal ? '' : formatNftables(named.subnet, [], rules));
    const said = new Promise<boolean>((resolve) => child.stream(1).once('data', () => resolve(true)));
    if (!(await Promise.race([said, child.ended.then(() => false)]))) {
      throw new TsimgError('LAUNCH_FAILED', 'the network could not be made', {
        where: `--network ${named.name}`,
        why: (await complaints).trim(),
        hint: 'tsimg doctor says what this host can do; --network pasta does without',
      });
    }
    const holder: NetworkHolder = { pid: child.pid };
    replaceFileSync(recordFile(directory), JSON.stringify(holder), { mode: 0o600 });
    const watch = ['-c', WATCH, 'sh', requireTool(tools, 'flock'), directory, String(child.pid), rules.bridge];
    const watching = await startProcess(sh, watch, {
      descriptors: ['ignore', 'ignore', 'ignore'],
      env: TOOL_ENV,
      cwd: '/',
      ownSession: true,
    });
    watching.release();
    isWatched = true;
    if (!internal) {
      const pidFile = join(directory, 'pasta.pid');
      const options = pastaOptions({ kind: 'pasta', ports: [], hostLoopback: false });
      await runTool(requireTool(tools, 'pasta'), [...options, '--pid', pidFile, String(child.pid)]);
    }
    return holder;
  } catch (error) {
    if (!isWatched) {
      child.kill('SIGKILL');
      rmSync(recordFile(directory), { force: true });
    }
    throw error;
  } finally {
    for (const fd of [0, 1, 2]) child.stream(fd).destroy();
    child.release();
  }
}

/** Starts a stub in the namespaces of a holder, as their root. @throws SYSTEM_CALL, LAUNCH_FAILED */
export async function stubIn({ pid }: NetworkHolder): Promise<StartedStub> {
  const started = await startStub();
  try {
    const process = openProcess(started.stub, pid);
    joinNamespacesOf(started.stub, process, ['user', 'network']);
    started.stub.later({ name: 'close', args: [process] });
    return started;
  } catch (error) {
    started.process.kill('SIGKILL');
    started.stub.close();
    throw error;
  }
}

/** Waits until the watching process has ended a network that nobody uses any more, and removes its files. */
export async function awaitHolderEnd(directory: string): Promise<void> {
  const end = Date.now() + LONGEST;
  while (existsSync(recordFile(directory)) && Date.now() < end) await sleep(LOOK);
  rmSync(directory, { recursive: true, force: true });
}

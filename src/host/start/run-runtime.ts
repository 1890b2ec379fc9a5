import { closeSync, openSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan, Limit, Step } from '../../launch/launch-plan.ts';
import type { PlacedDevice } from '../../launch/oci/oci-devices.ts';
import { checkForRuntime, planToOci, rootPath } from '../../launch/oci/plan-to-oci.ts';
import { type ResolvedUser, resolveUser } from '../../launch/plan/user.ts';
import { mapId } from '../../linux/ids.ts';
import { withLine } from '../../linux/passwd.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { type StartedProcess, startProcess } from '../../sys/process/start-process.ts';
import { resetSignals } from '../../sys/stub/call/become.ts';
import { openOwnStub } from '../../sys/stub/own-stub.ts';
import { startStub } from '../../sys/stub/start-stub.ts';
import { findDevices } from '../cgroup/device-list.ts';
import { findTool, isProgram } from '../facts/tools.ts';
import { type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { executeFirst } from '../steps/command.ts';
import { readBytesOfRoot, readFileOfRoot, type StubRoot } from '../steps/root.ts';
import { type MappedView, showMappedTo } from './mapped-root.ts';

/** The options of a run besides plan and runtime. */
export interface RuntimeOptions {
  /** The container's name for the runtime. */
  readonly id: string;
  readonly tools: HostTools;
  readonly signals?: SignalSource | undefined;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Runtimes that are tested, and have a package of their name. */
const PACKAGED: ReadonlySet<string> = new Set(['crun', 'runc']);

/** Finds a runtime by its name, or takes its path. @throws HOST_UNSUPPORTED, USAGE */
function findRuntime(name: string): string {
  if (name.startsWith('/')) {
    if (isProgram(name)) return name;
    throw new TsimgError('HOST_UNSUPPORTED', 'a runtime is missing', {
      where: name,
      why: 'there is no program at this path that you may run',
      hint: 'check the path, or install crun or runc and give its name',
    });
  }
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new TsimgError('USAGE', 'not a runtime', {
      where: `--runtime ${name}`,
      hint: 'crun, runc, or an absolute path',
    });
  }
  const path = findTool(name);
  if (path !== undefined) return path;
  throw new TsimgError('HOST_UNSUPPORTED', 'a runtime is missing', {
    where: name,
    hint: PACKAGED.has(name) ? `install it (Debian package ${name})` : 'install crun or runc, or give an absolute path',
  });
}

/** crun refuses hosts with cgroups of both versions, so it is told to use none. */
function optionsOf(path: string): readonly string[] {
  return basename(path) === 'crun' ? ['--cgroup-manager=disabled'] : [];
}

/** Without cgroups, no list of devices restricts a container. @throws HOST_UNSUPPORTED */
function checkDevices({ cgroups }: LaunchPlan, path: string): void {
  const option = cgroups.map(({ devices }) => devices?.neededBy).find((each) => each !== undefined);
  if (option === undefined || optionsOf(path).length === 0) return;
  throw new TsimgError('HOST_UNSUPPORTED', `--runtime ${basename(path)} does not go with ${option}`, {
    why: 'tsimg starts it without cgroups, by which a container is held to its list of devices',
    hint: 'use --runtime runc, or leave --runtime out',
  });
}

/** @throws HOST_UNSUPPORTED where a runtime cannot run a command whose caller keeps its IDs */
function checkKeptIds({ idMap }: LaunchPlan, path: string): void {
  if (idMap?.caller === undefined || basename(path) !== 'runc') return;
  throw new TsimgError('HOST_UNSUPPORTED', '--runtime runc does not go with --userns keep-id', {
    why: 'runc gives its pipes to root of the container, which is not the caller, so it may not',
    hint: 'use --runtime crun, or leave --runtime out',
  });
}

/** Checks that a runtime is there and can perform a plan. Returns its path. @throws HOST_UNSUPPORTED, USAGE */
export function checkRuntime(plan: LaunchPlan, runtime: string): string {
  const path = findRuntime(runtime);
  checkDevices(plan, path);
  checkKeptIds(plan, path);
  checkForRuntime(plan);
  return path;
}

/** Returns the host's devices that a plan names, each with its place in the container. */
function placeDevices({ steps }: LaunchPlan): readonly PlacedDevice[] {
  return steps.flatMap((step) =>
    step.do !== 'host-device' || step.source === '/dev'
      ? []
      : findDevices(step.source).map((device): PlacedDevice => {
          const target = step.target + device.path.slice(step.source.length);
          return { ...device, target, access: step.access };
        }),
  );
}

/** Does something with the open root of a plan. */
function inRoot<T>(plan: LaunchPlan, action: (root: StubRoot) => T): T {
  const rootFd = openSync(rootPath(plan), O_PATH);
  try {
    return action({ stub: openOwnStub(), fd: rootFd });
  } finally {
    closeSync(rootFd);
  }
}

/** Looks up the command's user in the container's files. */
function findUser(plan: LaunchPlan): ResolvedUser {
  const files = inRoot(plan, (root) => ({
    passwd: readFileOfRoot(root, '/etc/passwd'),
    group: readFileOfRoot(root, '/etc/group'),
  }));
  return resolveUser(plan.command.user, files, plan.command.extraGroups);
}

function readHardLimits(): ReadonlyMap<Limit['resource'], number> {
  const files = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return new Map(files === undefined ? [] : [['nofile', Number(files)]]);
}

type FileContent = Exclude<Extract<Step, { do: 'file' }>['content'], { readonly shared: string }>;

/** Returns the content of a file; undefined where the root's own file stays. @throws Node's errors */
function contentOf(plan: LaunchPlan, target: string, content: FileContent): Buffer | string | undefined {
  if ('text' in content) return content.text;
  if ('hostFile' in content) return readFileSync(content.hostFile, 'utf8') + (content.append ?? '');
  return inRoot(plan, (root) => withLine(readBytesOfRoot(root, target), content.line, content.unlessId));
}

/** Writes the files of the `file` steps, which root of the map owns; missing files of the host are left out. */
async function writeFiles(plan: LaunchPlan, bundle: string): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, string>();
  for (const step of plan.steps) {
    if (step.do !== 'file' || 'shared' in step.content) continue;
    const path = join(bundle, `file-${written.size}`);
    try {
      const { content } = step;
      const text = contentOf(plan, step.target, content);
      if (text === undefined) continue;
      await writeFile(path, text, { mode: 0o644 });
      if (plan.idMap?.by === 'root') await chown(path, mapId(plan.idMap.uids, 0) ?? 0, mapId(plan.idMap.gids, 0) ?? 0);
      written.set(step.target, path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return written;
}

/** A runtime that is to be started. */
interface RuntimeCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: 'ignore' | 'inherit';
}

/** Starts a runtime for a plan of root's with a user namespace: it finds the root filesystem with mapped IDs. */
async function startWithMappedRoot({ args, env, stdin }: RuntimeCall, view: MappedView): Promise<StartedProcess> {
  const { stub, process: child } = await startStub({ standard: [stdin, 'inherit', 'inherit'], foreground: true });
  try {
    await showMappedTo(stub, view);
    stub.later({ name: 'chdir', args: ['/'] });
    resetSignals(stub);
    executeFirst(stub, { args, env: Object.entries(env).map(([name, value]) => `${name}=${value}`) });
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw stub.failure ?? error;
  } finally {
    stub.close();
  }
}

/**
 * Runs a plan by an OCI runtime, as a bundle that is removed afterwards. Resolves with the runtime's exit status: the
 * command's, 128 and the number of the signal that killed it, or the runtime's own. The container has this process's
 * streams.
 * @throws HOST_UNSUPPORTED, USAGE, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function runInRuntime(
  plan: LaunchPlan,
  runtime: string,
  { id, tools, signals }: RuntimeOptions,
): Promise<number> {
  const path = checkRuntime(plan, runtime);
  const bundle = await mkdtemp(join(tmpdir(), 'tsimg-bundle-'));
  // A runtime keeps an ordinary user's state in XDG_RUNTIME_DIR.
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    ...(process.env.XDG_RUNTIME_DIR && { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR }),
  };
  try {
    const { idMap, steps } = plan;
    const mapped = idMap?.by === 'root' ? { steps, idMap, tools, place: join(bundle, 'rootfs') } : undefined;
    if (mapped !== undefined) {
      // Root of the map looks for the mount below this folder.
      await chmod(bundle, 0o711);
      await mkdir(mapped.place);
    }
    const around = {
      root: mapped?.place ?? rootPath(plan),
      user: findUser(plan),
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      hardLimits: readHardLimits(),
      files: await writeFiles(plan, bundle),
      devices: placeDevices(plan),
    };
    // The environment may hold secrets.
    await writeFile(join(bundle, 'config.json'), JSON.stringify(planToOci(plan, around)), { mode: 0o600 });
    const stdin = plan.command.stdin || plan.command.terminal ? 'inherit' : 'ignore';
    const args = [...optionsOf(path), 'run', '--bundle', bundle, id];
    const descriptors = [stdin, 'inherit', 'inherit'] as const;
    const child =
      mapped === undefined
        ? await startProcess(path, args, { descriptors, env, cwd: '/', ownSession: false })
        : await startWithMappedRoot({ args: [path, ...args], env, stdin }, mapped);
    using _ = signals?.listen((name) => child.kill(name));
    const { status, signal } = await child.ended;
    if (signal !== null) await runCommand(path, ['delete', '--force', id], { env });
    return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
  } finally {
    await rm(bundle, { recursive: true, force: true });
  }
}

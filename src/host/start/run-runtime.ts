import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { LaunchPlan, Limit } from '../../launch/launch-plan.ts';
import type { PlacedDevice } from '../../launch/oci/oci-devices.ts';
import { planToOci, rootPath } from '../../launch/oci/plan-to-oci.ts';
import { type ResolvedUser, resolveUser } from '../../launch/plan/user.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { runCommand } from '../../sys/process/spawn.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import { openOwnStub } from '../../sys/stub/own-stub.ts';
import { findDevices } from '../cgroup/device-list.ts';
import { findTool } from '../facts/tools.ts';
import { type SignalSource, signalNumber } from '../stdio/signal-source.ts';
import { readFileOfRoot } from '../steps/root.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Finds a runtime by its name, or takes its path. @throws HOST_UNSUPPORTED, USAGE */
function findRuntime(name: string): string {
  if (name.startsWith('/')) return name;
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
    hint: `install it (Debian package ${name})`,
  });
}

/** crun refuses hosts with cgroups of both versions, and none is asked for. */
function optionsOf(path: string): readonly string[] {
  return basename(path) === 'crun' ? ['--cgroup-manager=disabled'] : [];
}

/** Without cgroups nothing holds a container to its devices. @throws HOST_UNSUPPORTED */
function checkDevices({ cgroups }: LaunchPlan, path: string): void {
  const option = cgroups.map(({ devices }) => devices?.neededBy).find((each) => each !== undefined);
  if (option === undefined || optionsOf(path).length === 0) return;
  throw new TsimgError('HOST_UNSUPPORTED', `--runtime ${basename(path)} does not go with ${option}`, {
    why: 'tsimg starts it without cgroups, by which a container is held to its list of devices',
    hint: 'use --runtime runc, or leave --runtime out',
  });
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

/** Looks up the command's user in the container's files. */
function findUser(plan: LaunchPlan): ResolvedUser {
  const rootFd = openSync(rootPath(plan), O_PATH);
  const root = { stub: openOwnStub(), fd: rootFd };
  try {
    const files = {
      passwd: readFileOfRoot(root, '/etc/passwd'),
      group: readFileOfRoot(root, '/etc/group'),
    };
    return resolveUser(plan.command.user, files, plan.command.extraGroups);
  } finally {
    closeSync(rootFd);
  }
}

function readHardLimits(): ReadonlyMap<Limit['resource'], number> {
  const files = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return new Map(files === undefined ? [] : [['nofile', Number(files)]]);
}

/** Writes the files of the `file` steps; missing files of the host are left out. */
async function writeFiles(plan: LaunchPlan, bundle: string): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, string>();
  for (const step of plan.steps) {
    if (step.do !== 'file' || 'shared' in step.content) continue;
    const path = join(bundle, `file-${written.size}`);
    try {
      const { content } = step;
      const text = 'text' in content ? content.text : readFileSync(content.hostFile, 'utf8') + (content.append ?? '');
      await writeFile(path, text, { mode: 0o644 });
      written.set(step.target, path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return written;
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
  { id, signals }: { readonly id: string; readonly signals?: SignalSource | undefined },
): Promise<number> {
  const path = findRuntime(runtime);
  checkDevices(plan, path);
  const bundle = await mkdtemp(join(tmpdir(), 'tsimg-bundle-'));
  // A runtime keeps an ordinary user's state in XDG_RUNTIME_DIR.
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    ...(process.env.XDG_RUNTIME_DIR && { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR }),
  };
  try {
    const around = {
      user: findUser(plan),
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      hardLimits: readHardLimits(),
      files: await writeFiles(plan, bundle),
      devices: placeDevices(plan),
    };
    await writeFile(join(bundle, 'config.json'), JSON.stringify(planToOci(plan, around)));
    const stdin = plan.command.stdin || plan.command.terminal ? 'inherit' : 'ignore';
    const child = await startProcess(path, [...optionsOf(path), 'run', '--bundle', bundle, id], {
      descriptors: [stdin, 'inherit', 'inherit'],
      env,
      cwd: '/',
      ownSession: false,
    });
    using _ = signals?.listen((name) => child.kill(name));
    const { status, signal } = await child.ended;
    if (signal !== null) await runCommand(path, ['delete', '--force', id], { env });
    return status ?? 128 + (signal === null ? 0 : signalNumber(signal));
  } finally {
    await rm(bundle, { recursive: true, force: true });
  }
}

import { TsimgError } from '../../errors.ts';
import { CAPABILITY_NAMES, type Capability, chooseCapabilities } from '../../linux/capabilities.ts';
import { resolveSeccomp } from '../../linux/seccomp/resolve-seccomp.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { Namespace, ProcessPlan, Step } from '../launch-plan.ts';
import type { RunRequest } from './run-request.ts';
import { placeInit, type UserMount } from './user-mounts.ts';

/** Plans the container's own namespaces: those that it shares with the host are left out. */
export function planNamespaces(request: RunRequest, ownNetwork: boolean): readonly Namespace[] {
  const own = (wanted: boolean, name: Namespace): readonly Namespace[] => (wanted ? [name] : []);
  return [
    'mount',
    ...own(request.pid !== 'host', 'pid'),
    ...own(request.ipc !== 'host', 'ipc'),
    ...own(request.uts !== 'host', 'uts'),
    ...own(ownNetwork, 'network'),
    ...own(request.timeNamespace === true, 'time'),
  ];
}

/**
 * Plans the bounding set. Where chroot alone separates the container from the host, SYS_CHROOT, which leaves a chroot,
 * must be requested by name. @throws USAGE
 */
function planCapabilities(request: RunRequest): readonly Capability[] {
  const { privileged, capAdd, capDrop, isolation } = request;
  if (privileged) return capDrop.length === 0 ? CAPABILITY_NAMES : chooseCapabilities(['ALL', ...capAdd], capDrop);
  const drop = isolation === 'chroot' ? [...capDrop, 'SYS_CHROOT'] : capDrop;
  return chooseCapabilities(capAdd, drop);
}

/**
 * Plans the restrictions of the process: capabilities, system calls, new privileges. @throws USAGE, HOST_UNSUPPORTED
 */
export function planRestrictions(
  request: RunRequest,
  { machine, kernel, canMount, capabilities: given }: HostFacts,
): Pick<ProcessPlan, 'capabilities' | 'seccomp' | 'noNewPrivileges'> {
  const wanted = planCapabilities(request);
  // A user namespace gives all capabilities. Without one, the caller may have fewer, for example in a container.
  const capabilities = canMount && given !== undefined ? wanted.filter((each) => given.includes(each)) : wanted;
  const seccomp = request.seccomp ?? (request.privileged ? 'unconfined' : 'default');
  return {
    capabilities,
    noNewPrivileges: request.noNewPrivileges ?? !request.privileged,
    seccomp:
      seccomp === 'unconfined' || seccomp === 'default'
        ? seccomp
        : resolveSeccomp(seccomp, { capabilities, machine, kernel }),
  };
}

/** Plans the init: its mount, and the words before the command. @throws HOST_UNSUPPORTED, USAGE */
export function planInit(
  request: RunRequest,
  facts: HostFacts,
  mounts: readonly UserMount[],
): { readonly steps: readonly Step[]; readonly words: readonly string[] } {
  if (!request.init) return { steps: [], words: [] };
  const { init } = facts.tools;
  if (init === undefined) {
    throw new TsimgError('HOST_UNSUPPORTED', 'no init for --init', {
      why: 'neither catatonit nor a static tini is installed',
      hint: 'install one (Debian package catatonit, or tini)',
    });
  }
  // The host's file, in the container's own /dev: it is there in any image, and cannot be changed.
  const target = placeInit(mounts);
  const bind: Step = { do: 'bind', source: init, target, attributes: ['ro', 'nosuid', 'nodev'] };
  return { steps: [bind], words: [target, '--'] };
}

/** Parses `--umask`, octal. @throws USAGE */
export function planUmask(text = '0022'): number {
  if (/^[0-7]{1,4}$/.test(text) && Number.parseInt(text, 8) <= 0o777) return Number.parseInt(text, 8);
  throw new TsimgError('USAGE', 'not a umask', { where: `--umask ${text}`, hint: 'octal digits, such as 0022' });
}

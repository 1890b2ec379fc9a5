import { optionWords } from '../../option-words.ts';
import type { CgroupFacts } from '../facts/cgroup-facts.ts';
import {
  type HostConditions,
  missingCall,
  type Refusal,
  refusedMount,
  refusedNamespace,
} from '../facts/host-conditions.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import { bridgeLack } from '../network/network-plan.ts';

/** The result of a trial. */
export interface Trial {
  readonly ok: boolean;
  /** The message of the program or the kernel; '' on success. */
  readonly complaint: string;
}

/** The findings of host/doctor, before they are judged. */
export interface HostReport {
  readonly facts: HostFacts;
  readonly conditions: HostConditions;
  readonly missingCalls: readonly string[];
  /** Of ordinary users only. */
  readonly idMap: Trial | undefined;
  readonly namespaces: Trial;
  readonly proc: Trial;
  readonly overlay: Trial;
  /** The first line of each program's version; undefined where it is not installed. */
  readonly versions: ReadonlyMap<string, string | undefined>;
}

/** The doctor's judgement on one topic. */
export interface Finding {
  readonly topic: string;
  /** `limited`: containers work with less. `fails`: no container can start. */
  readonly state: 'ok' | 'limited' | 'fails';
  readonly found: string;
  readonly cause?: string | undefined;
  readonly remedy?: string | undefined;
}

function fails(topic: string, found: string, refusal: Refusal): Finding {
  return { topic, state: 'fails', found, ...refusal };
}

function limited(topic: string, found: string, refusal: Refusal): Finding {
  return { topic, state: 'limited', found, ...refusal };
}

function ok(topic: string, found: string): Finding {
  return { topic, state: 'ok', found };
}

const UNKNOWN: Refusal = {
  cause: 'no setting that tsimg knows explains it',
  remedy: 'look for a security module (AppArmor, SELinux) or a sandbox around this process',
};

function kernel({ conditions, missingCalls }: HostReport): Finding {
  const [call] = missingCalls;
  const found = `Linux ${conditions.kernel}`;
  if (call === undefined) return ok('kernel', found);
  return fails('kernel', `${found}, without ${missingCalls.join(', ')}`, missingCall(call, conditions));
}

function filter({ conditions }: HostReport): Finding {
  if (conditions.seccomp === 0) return ok('system calls', 'no filter is around this process');
  return limited('system calls', 'a filter is around this process', {
    cause: 'tsimg runs in a container or sandbox',
    remedy: 'if something below fails: --security-opt seccomp=unconfined for the outer container',
  });
}

function namespaces({ namespaces: made, conditions }: HostReport): Finding {
  if (made.ok) return ok('namespaces', 'mount, PID, IPC, UTS and network namespaces can be made');
  return fails('namespaces', made.complaint, refusedNamespace(conditions) ?? UNKNOWN);
}

function proc(report: HostReport): readonly Finding[] {
  if (!report.namespaces.ok) return [];
  if (report.proc.ok) return [ok('mounts', 'file systems of the kernel can be mounted')];
  return [fails('mounts', report.proc.complaint, refusedMount('proc on /proc', report.conditions))];
}

function ids({ facts, idMap }: HostReport): readonly Finding[] {
  if (idMap === undefined) return [];
  const { newuidmap, newgidmap } = facts.tools;
  const topic = 'user IDs';
  const single = 'a container has a single user, root';
  if (newuidmap === undefined || newgidmap === undefined) {
    const cause = 'newuidmap and newgidmap are not installed';
    return [limited(topic, single, { cause, remedy: 'install them (Debian package uidmap)' })];
  }
  const [uids, gids] = [facts.subordinateUids, facts.subordinateGids].map((ranges) =>
    ranges.reduce((sum, { count }) => sum + count, 0),
  );
  if (!uids || !gids) {
    const cause = 'you have no subordinate IDs in /etc/subuid and /etc/subgid';
    const remedy = 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, as root';
    return [limited(topic, single, { cause, remedy })];
  }
  if (idMap.ok) return [ok(topic, `${uids} subordinate user IDs and ${gids} group IDs`)];
  const cause = 'newuidmap was refused: it may lack its set-user-ID bit or capability, or /etc/subuid names other IDs';
  return [fails(topic, idMap.complaint, { cause, remedy: 'chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap, as root' })];
}

function overlay({ overlay: mounted, namespaces: made }: HostReport): readonly Finding[] {
  if (!made.ok) return [];
  if (mounted.ok) return [ok('overlay', 'containers share the files of their image')];
  const { complaint } = mounted;
  const why = complaint.startsWith('mount:') ? 'an overlay cannot lie on another one, and users need Linux 5.11: ' : '';
  const remedy = optionWords('keep images on another disk: --root DIR or TSIMG_ROOT');
  return [limited('overlay', 'each container gets a copy of its image', { cause: `${why}${complaint}`, remedy })];
}

function describeCgroups({ v1, v2 }: CgroupFacts): string {
  if (v1.length === 0) return v2.length === 0 ? 'none' : 'version 2';
  return v2.length === 0 ? 'version 1' : 'version 1 and 2';
}

function cgroups({ facts }: HostReport): Finding {
  const { v1, v2 } = facts.cgroups;
  const controllers = new Set([
    ...v1.filter(({ writable }) => writable).flatMap((each) => each.controllers),
    ...v2.filter(({ writable, occupied }) => writable && !occupied).flatMap((each) => each.controllers),
  ]);
  const wanted = ['memory', 'cpu', 'pids'];
  const missing = wanted.filter((name) => !controllers.has(name));
  const found = describeCgroups(facts.cgroups);
  if (missing.length === 0) return ok('limits', `cgroups of ${found}: ${wanted.join(', ')} can be limited`);
  // systemd delegates no controller of version 1.
  const isLegacy = v1.some((each) => each.controllers.some((name) => missing.includes(name)));
  return limited(
    'limits',
    `cgroups of ${found}: ${missing.join(', ')} cannot be limited`,
    isLegacy
      ? { cause: 'their cgroups are of version 1, and you may not change them', remedy: 'run as root' }
      : {
          cause: 'no cgroup with them is delegated to you',
          remedy: 'run below systemd-run --user --scope -p Delegate=yes, or as root',
        },
  );
}

function network({ facts, versions }: HostReport): Finding {
  const topic = 'network';
  const has = (name: string) => versions.get(name) !== undefined;
  if (facts.canMount) {
    const lack = bridgeLack(facts.tools);
    if (lack !== undefined) return limited(topic, 'none or host', lack);
    return ok(topic, `bridge, by ip and ${facts.tools.nft === undefined ? 'iptables' : 'nft'}; none; host`);
  }
  const program = ['pasta', 'slirp4netns'].find(has);
  if (program === undefined) {
    const remedy = 'install pasta (Debian package passt) or slirp4netns';
    return limited(topic, 'none or host', { cause: 'neither pasta nor slirp4netns is installed', remedy });
  }
  if (facts.network.canOpenTun) return ok(topic, `${program}; none; host`);
  return limited(topic, 'none or host', {
    cause: `${program} needs /dev/net/tun, which you cannot open`,
    remedy: 'modprobe tun, or --device /dev/net/tun for the outer container',
  });
}

function extras({ facts, versions }: HostReport): readonly Finding[] {
  const wants = [
    ['igzip', 'layers are decompressed in half the time', 'isal'],
    ['xz', 'archives compressed by xz can be read', 'xz-utils'],
  ] as const;
  const tools = wants.map(([name, what, debian]) =>
    versions.get(name) === undefined
      ? limited(name, 'not installed', { cause: `with it, ${what}`, remedy: `install it (Debian package ${debian})` })
      : ok(name, what),
  );
  const { init } = facts.tools;
  const noInit = { cause: 'no static init was found', remedy: 'install one (Debian package catatonit)' };
  return [...tools, init === undefined ? limited('init', optionWords('none for --init'), noInit) : ok('init', init)];
}

/** Judges a report: the consequences for the caller's containers, with causes and remedies. */
export function diagnose(report: HostReport): readonly Finding[] {
  return [
    kernel(report),
    filter(report),
    namespaces(report),
    ...proc(report),
    ...ids(report),
    ...overlay(report),
    cgroups(report),
    network(report),
    ...extras(report),
  ];
}

import { accessSync, constants, statSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';

/**
 * The environment of the host's programs and of helpers: the caller's variables (NODE_OPTIONS, LD_PRELOAD) do not reach
 * them.
 */
export const TOOL_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

/** Variables of the caller that say where compiled code is kept (start-script.ts), and whether. */
const CACHE_VARIABLES = ['XDG_CACHE_HOME', 'NODE_DISABLE_COMPILE_CACHE'];

/** The environment of our own programs that run as the caller: their compiled code is kept where the command's is. */
export function programEnv(): Readonly<Record<string, string>> {
  const given = CACHE_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...TOOL_ENV, ...Object.fromEntries(given) };
}

/** Directories that may have programs of the host. PATH is not used, for another user may have set it. */
const PLACES = [
  '/usr/bin',
  '/usr/sbin',
  '/bin',
  '/sbin',
  '/run/wrappers/bin',
  '/run/current-system/sw/bin',
  '/usr/local/bin',
];

/** Whether a path is a file that this process may execute. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // It is none for this process, whatever the reason
    return false;
  }
}

/** Finds a program of the host; undefined where there is none. */
export function findTool(name: string): string | undefined {
  return PLACES.map((place) => `${place}/${name}`).find(isProgram);
}

/** Finds all programs that a launch may use. */
export function findTools(): HostTools {
  return {
    sh: findTool('sh'),
    rm: findTool('rm'),
    newuidmap: findTool('newuidmap'),
    newgidmap: findTool('newgidmap'),
    nsenter: findTool('nsenter'),
    unshare: findTool('unshare'),
    flock: findTool('flock'),
    ip: findTool('ip'),
    nft: findTool('nft'),
    iptables: findTool('iptables'),
    iptablesRestore: findTool('iptables-restore'),
    pasta: findTool('pasta'),
    slirp4netns: findTool('slirp4netns'),
  };
}

const PACKAGES: Readonly<Record<keyof HostTools, string>> = {
  sh: 'dash',
  rm: 'coreutils',
  newuidmap: 'uidmap',
  newgidmap: 'uidmap',
  init: 'catatonit',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  flock: 'util-linux',
  ip: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  iptablesRestore: 'iptables',
  pasta: 'passt',
  slirp4netns: 'slirp4netns',
};

/** Returns the path of a program that a launch needs. @throws HOST_UNSUPPORTED where it is missing */
export function requireTool(tools: HostTools, name: keyof HostTools): string {
  const path = tools[name];
  if (path !== undefined) return path;
  throw new TsimgError('HOST_UNSUPPORTED', 'a program is missing', {
    where: name,
    hint: `install it (Debian package ${PACKAGES[name]})`,
  });
}

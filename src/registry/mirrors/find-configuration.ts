import { homedir } from 'node:os';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { hostSpellings, isHost, parseReference } from '../../oci/reference.ts';
import { hasCertificates } from '../http/certificates.ts';
import type { Environment } from '../http/proxy.ts';
import { dropInsOf, invalidFile, kindOf, readConfiguration } from './configuration-file.ts';
import { hasRegistryTables, mayAlias } from './has-registry-tables.ts';
import type { HostsFile } from './hosts-toml.ts';
import type { RegistriesFile, RegistryEntry } from './registries-conf.ts';

/** Which files say where images are. */
export interface MirrorFiles {
  /**
   * The only registries.conf, without drop-ins. Default: $CONTAINERS_REGISTRIES_CONF, else the user's, else that of
   * /etc/containers; each with its drop-ins.
   */
  readonly registriesConf?: string | undefined;
  /** The only folder of hosts.toml files. Default: containerd/certs.d in ~/.config, then in /etc. */
  readonly hostsDir?: string | undefined;
}

const SYSTEM = '/etc/containers';
const SYSTEM_HOSTS = '/etc/containerd/certs.d';

interface Text {
  readonly path: string;
  readonly content: string;
}

function homeOf(env: Environment): string {
  return env.HOME || homedir();
}

/** The paths of registries.conf and its drop-ins, in the order in which they count. containers-registries.conf.d(5) */
function registriesPaths({ registriesConf }: MirrorFiles, env: Environment): readonly string[] {
  if (registriesConf !== undefined) return [registriesConf];
  const home = homeOf(env);
  const own = join(home, '.config/containers');
  const ownDropIns = dropInsOf(join(own, 'registries.conf.d'), home);
  const named = env.CONTAINERS_REGISTRIES_CONF;
  const file = join(own, 'registries.conf');
  // The user's own file stands for itself: that of the system and its drop-ins are not read beside it.
  if (!named && kindOf(file, home) === 'file') return [file, ...ownDropIns];
  const system = dropInsOf(join(SYSTEM, 'registries.conf.d'), home);
  return [named || join(SYSTEM, 'registries.conf'), ...system, ...ownDropIns];
}

function readTexts(files: MirrorFiles, env: Environment): readonly Text[] {
  const [main = '', ...dropIns] = registriesPaths(files, env);
  const named = files.registriesConf ?? env.CONTAINERS_REGISTRIES_CONF;
  const home = homeOf(env);
  const content = readConfiguration(main, home);
  if (content === undefined && named) {
    throw new TsimgError('USAGE', 'no such file', {
      where: main,
      hint: '--registries-conf or $CONTAINERS_REGISTRIES_CONF names it',
    });
  }
  const others = dropIns.map((path) => ({ path, content: readConfiguration(path, home) ?? '' }));
  return [{ path: main, content: content ?? '' }, ...others];
}

/** Parses a file that is known to need it. The module is loaded, and its schemas made, for such a file only. */
async function parseRegistries(content: string, path: string): Promise<RegistriesFile> {
  return (await import('./registries-conf.ts')).parseRegistriesConf(content, path);
}

/**
 * Reads what registries.conf and its drop-ins say of registries. A later file replaces the entry of the same prefix.
 * The parser of TOML is loaded only where there is such an entry.
 * @throws REGISTRIES_INVALID; USAGE where a named file is missing
 */
export async function findRegistries(files: MirrorFiles, env: Environment): Promise<readonly RegistryEntry[]> {
  const byPrefix = new Map<string, RegistryEntry>();
  for (const { path, content } of readTexts(files, env)) {
    if (!hasRegistryTables(content)) continue;
    const { entries } = await parseRegistries(content, path);
    const own = new Map<string, RegistryEntry>();
    for (const entry of entries) {
      const before = own.get(entry.prefix);
      // Two tables of one file: as podman, what one of them blocks or calls insecure stays so.
      own.set(
        entry.prefix,
        before === undefined
          ? entry
          : {
              ...entry,
              blocked: entry.blocked || before.blocked,
              insecure: entry.insecure || before.insecure,
              mirrors: [...before.mirrors, ...entry.mirrors],
            },
      );
    }
    for (const [prefix, entry] of own) byPrefix.set(prefix, entry);
  }
  return [...byPrefix.values()];
}

/** The target of a short name, and the file that says so. */
export interface Alias {
  readonly target: string;
  readonly file: string;
}

/** Checks the target of an alias, as podman does: a host and a repository, without tag and digest. */
function checkTarget(target: string, name: string, path: string): string {
  try {
    const host = target.slice(0, target.indexOf('/'));
    const { tag, digest } = parseReference(target);
    if (isHost(host) && digest === undefined && !target.endsWith(`:${tag}`)) return target;
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
  }
  throw invalidFile(path, `the alias of ${name} must be HOST/REPOSITORY, without tag and digest, and is “${target}”`);
}

/** Finds the alias of a short name without tag and digest. @throws REGISTRIES_INVALID, USAGE */
export async function findAlias(name: string, files: MirrorFiles, env: Environment): Promise<Alias | undefined> {
  let alias: Alias | undefined;
  for (const { path, content } of readTexts(files, env)) {
    // After an alias of an earlier file, a later file may lead the name back to Docker Hub
    if (alias === undefined ? !mayAlias(content, name) : !content.includes(name)) continue;
    const target = (await parseRegistries(content, path)).aliases.get(name);
    if (target !== undefined)
      alias = target === '' ? undefined : { target: checkTarget(target, name, path), file: path };
  }
  return alias;
}

/** The folders of a registry's hosts.toml: containerd's spellings of a port, then what holds for all registries. */
function hostFolders(root: string, registry: string): readonly string[] {
  const spelled = hostSpellings(registry).flatMap((name) => [name.replace(/:(\d+)$/, '_$1_'), name]);
  return [...spelled, '_default'].map((name) => join(root, name));
}

/**
 * Reads the hosts.toml of a registry; undefined where there is none. The first folder that is there counts, also one
 * without the file: then it may have certificates, as one of docker's.
 * @throws REGISTRIES_INVALID; USAGE where a named folder is missing
 */
export async function findHosts(
  registry: string,
  { hostsDir }: MirrorFiles,
  env: Environment,
): Promise<HostsFile | undefined> {
  const home = homeOf(env);
  const isFolder = (path: string) => kindOf(path, home) === 'folder';
  if (hostsDir !== undefined && !isFolder(hostsDir)) {
    throw new TsimgError('USAGE', 'no such directory', { where: hostsDir, hint: '--hosts-dir names it' });
  }
  const roots = hostsDir === undefined ? [join(home, '.config/containerd/certs.d'), SYSTEM_HOSTS] : [hostsDir];
  const folder = roots.flatMap((root) => hostFolders(root, registry)).find(isFolder);
  const file = folder === undefined ? undefined : join(folder, 'hosts.toml');
  const content = file === undefined ? undefined : readConfiguration(file, home);
  if (folder === undefined || file === undefined) return undefined;
  if (content === undefined && !hasCertificates(folder)) return undefined;
  const { certificatesOnly, parseHostsToml } = await import('./hosts-toml.ts');
  return content === undefined ? certificatesOnly(folder) : parseHostsToml(content, folder, file);
}

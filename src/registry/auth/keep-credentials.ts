import { readlink } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { formatRegistryName, parseRegistryName, type RegistryName } from '../../oci/reference.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { makeDirectory } from '../../sys/file/make-directories.ts';
import { replaceText } from '../../sys/file/replace-text.ts';
import { type AuthFile, helperOf, isKeyOf, parseAuthFile } from './auth-file.ts';
import {
  askHelper,
  eraseInHelper,
  helperProgram,
  helperServer,
  type KeptCredentials,
  listHelper,
  storeInHelper,
} from './credential-helper.ts';
import {
  authFilePlaces,
  type CredentialOptions,
  goingOnWithout,
  keepingPlace,
  type Place,
  readPlace,
} from './credentials.ts';
import { withEntry, withoutEntries } from './edit-auth-file.ts';

// Secrets: for nobody but the user.
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** As many links as the kernel follows. */
const MAX_LINKS = 40;
/** The name under which docker looks for Docker Hub, in the file that docker reads. */
const DOCKER_FILE = 'config.json';

function parse(text: string, { path, legacy }: Place): AuthFile {
  return parseAuthFile(text.trim() === '' ? '{}' : text, path, legacy);
}

/** Follows the links of a file, also to one that is not there: a home may hold links into another file system. */
async function linkTarget(path: string): Promise<string> {
  let target = resolve(path);
  for (let left = MAX_LINKS; left > 0; left -= 1) {
    try {
      target = resolve(dirname(target), await readlink(target));
    } catch (error) {
      if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return target;
      throw filesystemError('cannot read a link', target, error);
    }
  }
  throw new TsimgError('FILESYSTEM', 'cannot read the file of credentials', { where: path, why: 'ELOOP' });
}

/**
 * Changes a file of credentials in one step, with a lock beside it: of several logins at once, each one stays.
 * @param edit returns the new text; undefined where nothing is to be changed
 * @returns whether it was changed
 */
async function editFile(
  place: Place,
  options: CredentialOptions,
  edit: (text: string) => string | undefined,
): Promise<boolean> {
  const target = await linkTarget(place.path);
  const folder = dirname(target);
  await makeDirectory(folder, FOLDER_MODE);
  await using _lock = await acquireLock(`${target}.lock`, 'exclusive', options);
  const text = (await readPlace({ ...place, required: false })) ?? '';
  parse(text, place);
  const changed = edit(text);
  if (changed === undefined) return false;
  await replaceText(target, folder, changed, FILE_MODE);
  return true;
}

/** Where credentials are kept. */
export interface Keeping {
  /** The file of credentials. */
  readonly path: string;
  /** The helper that it names for the registry, and that keeps them in its place: `docker-credential-NAME`. */
  readonly helper: string | undefined;
}

interface Keeper extends Keeping {
  readonly place: Place;
  readonly name: string | undefined;
  readonly hasEntry: boolean;
}

async function findKeeper(name: RegistryName, options: CredentialOptions): Promise<Keeper> {
  const place = keepingPlace(options);
  const file = parse((await readPlace({ ...place, required: false })) ?? '', place);
  const helper = helperOf(file, name.registry);
  if (helper !== undefined && name.namespace !== '') {
    throw new TsimgError('USAGE', 'a credential helper keeps no credentials of a namespace', {
      where: formatRegistryName(name),
      why: `${place.path} has ${helperProgram(helper.name)} keep those of ${name.registry}`,
      hint: `log in to ${name.registry}, or name another file by --authfile`,
    });
  }
  const whole = formatRegistryName(name);
  return {
    place,
    path: place.path,
    name: helper?.name,
    helper: helper === undefined ? undefined : helperProgram(helper.name),
    hasEntry: [...file.auths.keys()].some((key) => isKeyOf(key, whole)),
  };
}

/**
 * Finds where a login would be kept, and reads what is there: a damaged file is told before a password is asked for.
 * @throws DOCUMENT_INVALID, CREDENTIALS_INVALID, USAGE for a namespace where a helper keeps the credentials
 */
export async function findKeeping(name: RegistryName, options: CredentialOptions): Promise<Keeping> {
  const { path, helper } = await findKeeper(name, options);
  return { path, helper };
}

/**
 * Keeps credentials: in the helper that the file names for the registry, else in the file itself, which is made with
 * mode 0600. What the helper keeps goes from the file.
 * @throws as `findKeeping`; FILESYSTEM, BUSY, SYSTEM_CALL
 */
export async function keepCredentials(
  name: RegistryName,
  kept: KeptCredentials,
  options: CredentialOptions,
): Promise<Keeping> {
  const keeper = await findKeeper(name, options);
  const { place, path, helper, hasEntry } = keeper;
  const whole = formatRegistryName(name);
  if (keeper.name !== undefined) {
    await storeInHelper(keeper.name, name.registry, kept, options);
    if (hasEntry) await editFile(place, options, (text) => withoutEntries(text, whole));
    return { path, helper };
  }
  const key = whole === 'docker.io' && basename(path) === DOCKER_FILE ? helperServer(whole) : whole;
  await editFile(place, options, (text) => withEntry(text, whole, key, kept));
  return { path, helper };
}

/** The result of a logout. */
export interface Forgotten {
  /** The file of credentials. */
  readonly path: string;
  /** The file and the programs that held credentials, and hold them no more. */
  readonly from: readonly string[];
}

async function forgetInHelper(
  helper: { readonly name: string; readonly explicit: boolean },
  registry: string,
  place: Place,
  options: CredentialOptions,
): Promise<readonly string[]> {
  const known = await goingOnWithout(helper, place.path, options, () => askHelper(helper.name, registry, options));
  if (known === undefined) return [];
  await eraseInHelper(helper.name, helperServer(registry), options);
  return [helperProgram(helper.name)];
}

/**
 * Removes the credentials of a registry, or of one namespace, from the file and from its helper.
 * @throws USAGE where the file that the user named is missing; DOCUMENT_INVALID, CREDENTIALS_INVALID, FILESYSTEM, BUSY,
 *   SYSTEM_CALL
 */
export async function forgetCredentials(name: RegistryName, options: CredentialOptions): Promise<Forgotten> {
  const place = keepingPlace(options);
  const text = await readPlace(place);
  if (text === undefined) return { path: place.path, from: [] };
  const helper = name.namespace === '' ? helperOf(parse(text, place), name.registry) : undefined;
  const from = helper === undefined ? [] : [...(await forgetInHelper(helper, name.registry, place, options))];
  const whole = formatRegistryName(name);
  const hadEntry = withoutEntries(text, whole) !== undefined;
  if (hadEntry && (await editFile(place, options, (current) => withoutEntries(current, whole)))) from.push(place.path);
  return { path: place.path, from };
}

/** Removes all credentials from the file and from the helpers that it names. @throws as `forgetCredentials` */
export async function forgetAll(options: CredentialOptions): Promise<Forgotten> {
  const place = keepingPlace(options);
  const text = await readPlace(place);
  if (text === undefined) return { path: place.path, from: [] };
  const file = parse(text, place);
  const from = new Set<string>();
  for (const [server, name] of file.credHelpers) {
    const { registry } = parseRegistryName(server);
    for (const program of await forgetInHelper({ name, explicit: true }, registry, place, options)) from.add(program);
  }
  const { credsStore } = file;
  if (credsStore) {
    const store = { name: credsStore, explicit: false };
    const servers = await goingOnWithout(store, place.path, options, () => listHelper(credsStore, options));
    for (const server of servers ?? []) {
      await eraseInHelper(credsStore, server, options);
      from.add(helperProgram(credsStore));
    }
  }
  const hadEntries = withoutEntries(text) !== undefined;
  if (hadEntries && (await editFile(place, options, (current) => withoutEntries(current)))) from.add(place.path);
  return { path: place.path, from: [...from] };
}

/**
 * Finds the other files that still hold credentials of a registry, in themselves or in a helper. A file that cannot be
 * read is a warning.
 */
export async function otherHolders(name: RegistryName, options: CredentialOptions): Promise<readonly string[]> {
  const own = keepingPlace(options);
  const holders: string[] = [];
  for (const place of authFilePlaces(options).filter(({ path }) => path !== own.path)) {
    try {
      const text = await readPlace(place);
      if (text === undefined || text.trim() === '') continue;
      const file = parse(text, place);
      const helper = name.namespace === '' ? helperOf(file, name.registry) : undefined;
      const ask = () => askHelper(helper?.name ?? '', name.registry, options);
      const known = helper && (await goingOnWithout(helper, place.path, options, ask));
      const whole = formatRegistryName(name);
      const isThere = [...file.auths].some(
        ([key, entry]) => isKeyOf(key, whole) && Object.values(entry).some((value) => value !== undefined),
      );
      if (known !== undefined || isThere) holders.push(place.path);
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      options.onEvent?.({ kind: 'warning', message: error.message });
    }
  }
  return holders;
}

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { checkNetworkName, isNetworkName, type NamedNetwork } from '../../launch/network/named-network.ts';
import { STORE_NAME } from '../../store-layout.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import { type Check, fields, isCount, isFlag, isText, mapOf } from './document-shape.ts';

// The networks of a store are in its folder `networks`, a file NAME.json for each. Their bridges exist only while a
// container is on them: see host/network.

const SUFFIX = '.json';
/** The lock of all networks, in their folder. */
export const NETWORKS_LOCK = 'lock';
const isNetwork: Check = fields({
  id: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  name: isText,
  created: isText,
  subnet: fields({ address: isCount, bits: isCount }),
  internal: isFlag,
  labels: mapOf(isText),
});

function isNamedNetwork(value: unknown): value is NamedNetwork {
  return isNetwork(value);
}

/** Returns the folder of a store's networks. */
export function networksFolder(stateRoot: string): string {
  return join(stateRoot, STORE_NAME.networks);
}

/** Writes a network. The caller holds the lock of all networks. @param folder of all networks */
export function writeNetwork(folder: string, network: NamedNetwork): void {
  const path = join(folder, `${checkNetworkName(network.name)}${SUFFIX}`);
  replaceFileSync(path, `${JSON.stringify(network)}\n`, { mode: 0o600 });
}

/** Reads a network by its name; undefined where there is none. @throws FILESYSTEM, STORE_INVALID */
export function readNetwork(folder: string, name: string): NamedNetwork | undefined {
  if (!isNetworkName(name)) return undefined;
  const path = join(folder, `${name}${SUFFIX}`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    if (errnoOf(cause) !== undefined) throw filesystemError('cannot read a network', path, cause);
    throw damaged(path, cause);
  }
  if (isNamedNetwork(value) && value.name === name) return value;
  throw damaged(path);
}

function damaged(where: string, cause?: unknown): TsimgError {
  const hint = 'tsimg network rm removes it; create it again';
  return new TsimgError('STORE_INVALID', 'the record of a network cannot be read', { where, hint, cause });
}

/** Returns the names of all networks, in their order. */
function networkNames(folder: string): readonly string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(SUFFIX));
    return files
      .map((file) => file.slice(0, -SUFFIX.length))
      .filter(isNetworkName)
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Returns all networks that can be read. @param onDamaged is called with the error for each other one */
export function listNetworks(folder: string, onDamaged: (error: TsimgError) => void): readonly NamedNetwork[] {
  return networkNames(folder).flatMap((name) => {
    try {
      return readNetwork(folder, name) ?? [];
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      onDamaged(error);
      return [];
    }
  });
}

/** Removes a network's record. The caller holds the lock of all networks. */
export function removeNetworkRecord(folder: string, name: string): void {
  rmSync(join(folder, `${checkNetworkName(name)}${SUFFIX}`), { force: true });
}

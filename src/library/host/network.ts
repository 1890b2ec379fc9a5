import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { guardNetwork, release } from '../../host/life/guard.ts';
import { networksFolder } from '../../host/state/networks.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { randomHex } from '../../sys/random.ts';
import { createNetwork as create } from '../../verbs/network/create-network.ts';
import { findNetwork } from '../../verbs/network/find-network.ts';
import { type InspectedNetwork, inspectNetwork } from '../../verbs/network/inspect-network.ts';
import { listOfNetworks } from '../../verbs/network/list-networks.ts';
import { removeNetwork } from '../../verbs/network/remove-network.ts';
import type { StorePlace } from '../../verbs/places.ts';
import { type ContainerPlace, placeOf } from '../container/place.ts';
import { type Checks, checkOptions, flag, text, values } from '../options/check-options.ts';
import { assignments } from '../options/container-request.ts';
import { STORE_CHECKS } from '../options/context-checks.ts';

/** How {@link createNetwork} makes a network. */
export interface CreateNetworkOptions extends StorePlace, Context {
  /** Made up when absent. */
  readonly name?: string | undefined;
  /** `10.20.30.0/24`; a free one is chosen when absent. */
  readonly subnet?: string | undefined;
  /** Whether containers reach nothing but each other and the host. Default false. */
  readonly internal?: boolean | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Whether it outlives this process, and an `await using` block. Default false. */
  readonly keep?: boolean | undefined;
}

const CREATE_CHECKS: Checks<CreateNetworkOptions> = {
  ...STORE_CHECKS,
  name: text,
  subnet: text,
  internal: flag,
  labels: values,
  keep: flag,
};

/**
 * A network of several containers, which find each other there by their names: the option `network` of a container
 * takes its name. At the end of an `await using`, one that {@link createNetwork} made without `keep` is removed; its
 * containers must have ended before.
 */
export class Network implements AsyncDisposable {
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly #place: ContainerPlace;
  readonly #keep: boolean;

  /** Use {@link createNetwork} or {@link getNetwork}. */
  constructor({ id, name }: Pick<NamedNetwork, 'id' | 'name'>, place: ContainerPlace, keep: boolean) {
    this.id = id;
    this.name = name;
    this.#place = place;
    this.#keep = keep;
  }

  /** Returns what docker's `network inspect` tells, under its keys. @throws NETWORK_NOT_FOUND, STORE_INVALID */
  async inspect(): Promise<InspectedNetwork> {
    return await inspectNetwork(this.id, { stateRoot: this.#place.stateRoot });
  }

  /** Removes the network. @throws NETWORK_NOT_FOUND; NETWORK_IN_USE while a container is on it */
  async remove(): Promise<void> {
    await removeNetwork(this.id, {}, { stateRoot: this.#place.stateRoot });
    await release(this.id);
  }

  /** Removes the network, if it is one of this process that is not kept. @throws NETWORK_IN_USE */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#keep) return;
    try {
      await this.remove();
    } catch (error) {
      if (!(error instanceof TsimgError && error.code === 'NETWORK_NOT_FOUND')) throw error;
    }
  }
}

/**
 * Makes a network of containers. It is removed with the `await using` block that it is made in, and when this process
 * ends in any way, unless `keep` is set.
 * @param given options, or the name alone
 * @throws USAGE, NETWORK_EXISTS; HOST_UNSUPPORTED where no subnet is free; STORE_INVALID
 * @example
 * await using network = await createNetwork();
 * await using db = await startContainer('postgres:16', { name: 'db', network: network.name });
 * await using app = await startContainer('app:1', { network: network.name, env: { DATABASE_HOST: 'db' } });
 */
export async function createNetwork(given: string | CreateNetworkOptions = {}): Promise<Network> {
  const options = typeof given === 'string' ? { name: given } : given;
  checkOptions('createNetwork', options, CREATE_CHECKS);
  const { name = `tsimg-${randomHex(6)}`, subnet, internal, labels = {}, keep = false, root, ...context } = options;
  const place = placeOf(root);
  const list = assignments('labels', labels);
  const id = randomHex(32);
  if (!keep) await guardNetwork({ folder: networksFolder(place.stateRoot), id, name });
  try {
    await create(name, { id, subnet, internal, labels: list }, { stateRoot: place.stateRoot, ...context });
    return new Network({ id, name }, place, keep);
  } catch (error) {
    await release(id);
    throw error;
  }
}

/** Returns a network by its name, or by its ID. It stays when an `await using` block ends. @throws NETWORK_NOT_FOUND */
export async function getNetwork(nameOrId: string, options: StorePlace = {}): Promise<Network> {
  text('nameOrId', nameOrId);
  checkOptions('getNetwork', options, { root: text });
  const place = placeOf(options.root);
  return new Network(findNetwork(place.stateRoot, nameOrId), place, true);
}

/** Lists the networks that were made, by name. A record that cannot be read is a warning. @throws FILESYSTEM */
export async function listNetworks(options: StorePlace & Context = {}): Promise<readonly NamedNetwork[]> {
  checkOptions('listNetworks', options, STORE_CHECKS);
  const { root, signal, onEvent } = options;
  signal?.throwIfAborted();
  return listOfNetworks({ stateRoot: placeOf(root).stateRoot, onEvent });
}

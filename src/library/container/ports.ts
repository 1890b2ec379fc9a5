import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { containersFolder } from '../../host/state/container.ts';
import { publishedPorts } from '../../host/state/published-ports.ts';
import { readRecord, readState } from '../../host/state/record.ts';
import { isIpv6, type PublishedPort } from '../../launch/network/publish.ts';
import { checkPort } from '../options/container-checks.ts';
import type { ContainerPlace } from './place.ts';

/** Where a published port of a container is reached on this machine. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Both, as a URL has them: `127.0.0.1:32768`, `[::1]:32768`. */
  readonly authority: string;
}

/** A container, and how its user calls it. */
interface Named {
  readonly id: string;
  readonly name: string;
}

/** The address at which this machine reaches a port that is published at an address, or at all of its family. */
function reachable(address: string | undefined): string {
  if (address === undefined || address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

/** Reads the published ports of a container; none while it does not run. @throws CONTAINER_NOT_FOUND, STORE_INVALID */
export function portsOf({ id, name }: Named, { stateRoot }: ContainerPlace): readonly PublishedPort[] {
  const directory = join(containersFolder(stateRoot), id);
  const record = readRecord(directory);
  if (record !== undefined) return publishedPorts(record, readState(directory));
  throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed', { where: name });
}

/** The address of this machine at which the first published port is reached. @throws as `portsOf` */
export function hostOf(container: Named, place: ContainerPlace): string {
  return reachable(portsOf(container, place)[0]?.hostAddress);
}

/** Where a port of a container is reached on this machine. @throws USAGE, PORT_NOT_PUBLISHED; as `portsOf` */
export function endpointOf(
  container: Named,
  place: ContainerPlace,
  { port, protocol }: { readonly port: number; readonly protocol: 'tcp' | 'udp' },
): Endpoint {
  checkPort(port, protocol);
  const ports = portsOf(container, place).map((each) => ({ ...each, host: reachable(each.hostAddress) }));
  const all = ports.filter((each) => each.containerPort === port && each.protocol === protocol);
  // Of several, one that `host` is right for.
  const found = all.find(({ host }) => host === ports[0]?.host) ?? all[0];
  if (found === undefined) {
    throw new TsimgError('PORT_NOT_PUBLISHED', 'the port is not published', {
      where: `${container.name}: ${port}/${protocol}`,
      why: ports.length === 0 ? 'the container publishes no port, or does not run' : undefined,
      hint: 'name it among the ports of the container',
    });
  }
  const { host, hostPort } = found;
  return { host, port: hostPort, authority: `${isIpv6(host) ? `[${host}]` : host}:${hostPort}` };
}

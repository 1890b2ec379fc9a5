import { TsimgError } from '../../errors.ts';
import { containersFolder } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { publishedPorts } from '../../host/state/published-ports.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import { notRunning } from '../life/signal-container.ts';

/**
 * Returns the published ports of a running container, with those of the host that were chosen.
 * @param wanted a name or ID
 * @param port only those of this port of the container: `80`, `80/tcp`, `53/udp`
 * @throws USAGE for a text that is no port; PORT_NOT_PUBLISHED where `port` is not published; CONTAINER_NOT_FOUND,
 * CONTAINER_AMBIGUOUS, CONTAINER_STATE where it does not run
 */
export async function containerPorts(
  stateRoot: string,
  wanted: string,
  port?: string,
): Promise<readonly PublishedPort[]> {
  const [, number, protocol = 'tcp'] = /^([0-9]{1,5})(?:\/(tcp|udp))?$/.exec(port ?? '') ?? [];
  if (port !== undefined && number === undefined) {
    throw new TsimgError('USAGE', 'not a port of a container', {
      where: port,
      hint: 'write PORT, PORT/tcp or PORT/udp',
    });
  }
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (container.state.status !== 'running') throw notRunning(container);
  const ports = publishedPorts(container.record, container.state);
  if (number === undefined) return ports;
  const found = ports.filter((each) => each.containerPort === Number(number) && each.protocol === protocol);
  if (found.length > 0) return found;
  throw new TsimgError('PORT_NOT_PUBLISHED', 'the port is not published', {
    where: `${container.record.name}: ${number}/${protocol}`,
    hint: `tsimg port ${container.record.name} lists what is published; publish it by tsimg run -p ${port}`,
  });
}

import type { Command } from 'commander';
import { formatHostPort } from '../../../launch/network/publish.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

/** Adds `tsimg port`. */
export function addPort(program: Command): void {
  const port = program
    .command('port')
    .description('List the published ports of a running container, or the addresses of one of them.')
    .argument('<container>', 'name or ID of a container')
    .argument('[port[/protocol]]', 'a port of the container, such as 80 or 53/udp (default: all)');
  withCommon(port).action(async (container: string, wanted: string | undefined, _: unknown, invoked: Command) => {
    const options: CommonOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ print, printJson }) => {
      const { containerPorts } = await import('../../../verbs/look/container-ports.ts');
      const ports = await containerPorts(statePlace(options), container, wanted);
      if (options.json) return printJson(ports);
      for (const each of ports) {
        const address = formatHostPort(each);
        print(wanted === undefined ? `${each.containerPort}/${each.protocol} -> ${address}` : address);
      }
    });
  });
}

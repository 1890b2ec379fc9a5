import type { Command } from 'commander';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { collect } from './parsers.ts';

/** The options of `withNetwork`, as commander names them. */
export interface NetworkOptions {
  readonly network?: string;
  readonly networkAlias: readonly string[];
  readonly publish: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
  readonly addHost: readonly string[];
}

/** How a container is connected: docker's options, and podman's networks of ordinary users. */
export function withNetwork(command: Command): Command {
  return command
    .optionsGroup('Network:')
    .option(
      '--network <mode>',
      'the network: none (only a loopback device), host, bridge (root), pasta or slirp4netns (ordinary users), container:NAME, ns:PATH (default: bridge for root, pasta for others)',
    )
    .option('--network-alias <name>', 'a further name by which containers of the bridge find it', collect, [])
    .option(
      '-p, --publish <[address:]port:port[/udp]>',
      "lead a port of the host to one of the container's; ranges too",
      collect,
      [],
    )
    .option('--dns <address>', "a name server, instead of the host's", collect, [])
    .option('--dns-search <domain>', 'where names without a dot are looked up; . for nowhere', collect, [])
    .option('--dns-option <option>', 'an option of resolv.conf', collect, [])
    .option('--add-host <name:address>', 'a line of /etc/hosts; host-gateway stands for the host', collect, []);
}

/** What the options say of the request. */
export function networkOf(
  options: NetworkOptions,
): Pick<RunRequest, 'network' | 'publish' | 'networkAliases' | 'names'> {
  return {
    network: options.network,
    publish: options.publish,
    networkAliases: options.networkAlias,
    names: {
      dns: options.dns,
      dnsSearch: options.dnsSearch,
      dnsOptions: options.dnsOption,
      addHosts: options.addHost,
    },
  };
}

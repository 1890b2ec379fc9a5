import type { Command } from 'commander';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { collect } from './parsers.ts';

/** The options of `withNetwork`, as commander names them. */
export interface NetworkOptions {
  readonly network: readonly string[];
  readonly networkAlias: readonly string[];
  readonly publish: readonly string[];
  readonly publishAll?: boolean;
  readonly expose: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
  readonly addHost: readonly string[];
}

/** Adds docker's options about the network, with podman's networks for ordinary users. */
export function withNetwork(command: Command): Command {
  return command
    .optionsGroup('Network:')
    .option(
      '--network <mode>',
      'the network: none, host, bridge (root only), pasta or slirp4netns (ordinary users only), container:NAME, ' +
        'ns:PATH, or the name of one that tsimg network create made (default: bridge for root, pasta for others); ' +
        'further ones by their names',
      collect,
      [],
    )
    .option('--network-alias <name>', 'a further name of the container on the bridge or network', collect, [])
    .option(
      '-p, --publish <[[address:][port]:]port[/udp]>',
      'publish a port, or a range of ports, of the container on the host: on a free port where none is named',
      collect,
      [],
    )
    .option('-P, --publish-all', 'publish all exposed ports on free ports of the host')
    .option('--expose <port[/udp]>', 'a port, or a range, for -P besides those that the image exposes', collect, [])
    .option('--dns <address>', 'a name server (default: the host’s)', collect, [])
    .option(
      '--dns-search <domain>',
      'a domain in which names without a dot are looked up; . for none (default: the host’s)',
      collect,
      [],
    )
    .option('--dns-option <option>', 'an option for /etc/resolv.conf (default: the host’s)', collect, [])
    .option('--add-host <name:address>', 'add a line to /etc/hosts; host-gateway stands for the host', collect, []);
}

/** Returns the part of the request that these options make. */
export function networkOf(
  options: NetworkOptions,
): Pick<RunRequest, 'network' | 'networks' | 'publish' | 'publishAll' | 'expose' | 'networkAliases' | 'names'> {
  const [network, ...networks] = options.network;
  return {
    network,
    networks: networks.length === 0 ? undefined : networks,
    publish: options.publish,
    publishAll: options.publishAll,
    expose: options.expose,
    networkAliases: options.networkAlias,
    names: {
      dns: options.dns,
      dnsSearch: options.dnsSearch,
      dnsOptions: options.dnsOption,
      addHosts: options.addHost,
    },
  };
}

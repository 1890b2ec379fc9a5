/** A line of /etc/hosts. hosts(5). */
export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/** The first lines of every container's /etc/hosts. */
export const LOOPBACK_HOSTS: readonly HostsEntry[] = [
  { address: '127.0.0.1', names: ['localhost'] },
  { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
];

export function formatHosts(entries: readonly HostsEntry[]): string {
  return entries
    .filter(({ names }) => names.length > 0)
    .map(({ address, names }) => `${address}\t${[...new Set(names)].join(' ')}\n`)
    .join('');
}

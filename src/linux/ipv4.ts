/** An IPv4 network: its first address as a number, and the bits of its prefix. */
export interface Network4 {
  readonly address: number;
  readonly bits: number;
}

/**
 * Parses `a.b.c.d` to a number; undefined for any other text. Leading zeros are refused: some programs read them as
 * octal.
 */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

export function formatNetwork({ address, bits }: Network4): string {
  return `${formatAddress(address)}/${bits}`;
}

/** The number of addresses in a network. */
function sizeOf({ bits }: Network4): number {
  return 2 ** (32 - bits);
}

/** Returns whether two networks have an address in common, so that one contains the other. */
export function overlaps(one: Network4, other: Network4): boolean {
  return one.address < other.address + sizeOf(other) && other.address < one.address + sizeOf(one);
}

export function contains(network: Network4, address: number): boolean {
  return overlaps(network, { address, bits: 32 });
}

/** Parses eight hex digits in the machine's byte order, which is little-endian wherever tsimg runs. */
function fromHex(text: string): number | undefined {
  if (!/^[0-9A-Fa-f]{8}$/.test(text)) return undefined;
  return Buffer.from(text, 'hex').readUInt32LE(0);
}

/** Parses the destinations in /proc/net/route; the default route is left out. proc_net(5). */
export function parseRoutes(text: string): readonly Network4[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.split('\t');
      const address = fromHex(fields[1]?.trim() ?? '');
      const mask = fromHex(fields[7]?.trim() ?? '');
      if (address === undefined || mask === undefined || mask === 0) return [];
      return [{ address, bits: 32 - Math.log2(2 ** 32 - mask) }];
    });
}

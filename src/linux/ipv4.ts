/** A network of IPv4: its first address as a number, and how many bits of it count. */
export interface Network4 {
  readonly address: number;
  readonly bits: number;
}

/** `a.b.c.d` → a number, undefined for anything else; leading zeros, octal to some programs, are refused. */
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

/** How many addresses a network has. */
function sizeOf({ bits }: Network4): number {
  return 2 ** (32 - bits);
}

/** Whether two networks have an address in common: then one lies in the other. */
export function overlaps(one: Network4, other: Network4): boolean {
  return one.address < other.address + sizeOf(other) && other.address < one.address + sizeOf(one);
}

export function contains(network: Network4, address: number): boolean {
  return overlaps(network, { address, bits: 32 });
}

/** Eight hex digits in the byte order of the machine, which is little-endian wherever tsimg runs. */
function fromHex(text: string): number | undefined {
  if (!/^[0-9A-Fa-f]{8}$/.test(text)) return undefined;
  return Buffer.from(text, 'hex').readUInt32LE(0);
}

/** The networks that /proc/net/route leads to; a default route leads everywhere and is no network. proc_net(5). */
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

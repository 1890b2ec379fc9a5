// Messages of rtnetlink(7), by which devices, addresses and routes are changed. All numbers are in the machine's byte
// order, which is little-endian wherever tsimg runs.

const [RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_NEWROUTE] = [16, 17, 20, 24];
const [NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE] = [0x1, 0x4, 0x200, 0x400];
const [IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD] = [1, 3, 10, 18, 26, 28];
const [IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER, IFLA_INET6_ADDR_GEN_MODE] = [1, 2, 1, 8];
const [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST] = [1, 2, 4];
const [RTA_OIF, RTA_GATEWAY] = [4, 5];
const [RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST] = [254, 3, 1];
const NESTED = 0x8000;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 1;
const [AF_INET, AF_INET6] = [2, 10];
const NLMSG_ERROR = 2;

function attribute(type: number, value: Uint8Array): Buffer {
  const size = 4 + value.length;
  const bytes = Buffer.alloc((size + 3) & ~3);
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

const nested = (type: number, ...inner: readonly Buffer[]) => attribute(type | NESTED, Buffer.concat(inner));
const text = (type: number, value: string) => attribute(type, Buffer.from(`${value}\0`));

function number32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return attribute(type, bytes);
}

/** An IPv4 address is in network byte order. */
function address4(type: number, address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return attribute(type, bytes);
}

function message(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, 6);
  header.writeUInt32LE(1, 8);
  return Buffer.concat([header, body]);
}

/** struct ifinfomsg */
function linkHeader(isUp = false): Buffer {
  const bytes = Buffer.alloc(16);
  if (isUp) {
    bytes.writeUInt32LE(IFF_UP, 8);
    bytes.writeUInt32LE(IFF_UP, 12);
  }
  return bytes;
}

/** A pair of devices, as a cable between two network namespaces. */
export interface VethPair {
  /** The name of the end in the socket's network namespace. */
  readonly name: string;
  /** The index of the bridge that it belongs to. */
  readonly bridge: number;
  readonly peer: {
    readonly name: string;
    /** A descriptor of the sender: the network namespace of this end. */
    readonly namespace: number;
    /** The hardware address: `02:54:…` */
    readonly hardware: string;
  };
}

/** Makes a pair of devices. veth(4) */
export function newVeth({ name, bridge, peer }: VethPair): Buffer {
  const other = [
    linkHeader(),
    text(IFLA_IFNAME, peer.name),
    number32(IFLA_NET_NS_FD, peer.namespace),
    attribute(IFLA_ADDRESS, Buffer.from(peer.hardware.replaceAll(':', ''), 'hex')),
  ];
  return message(
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    linkHeader(),
    text(IFLA_IFNAME, name),
    number32(IFLA_MASTER, bridge),
    nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, 'veth'), nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, ...other))),
  );
}

/** Removes a device. */
export function deleteLink(name: string): Buffer {
  return message(RTM_DELLINK, 0, linkHeader(), text(IFLA_IFNAME, name));
}

/** Has the kernel give a device no address of IPv6 by itself. */
export function withoutAddress6(name: string): Buffer {
  const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, Buffer.from([IN6_ADDR_GEN_MODE_NONE]));
  return message(RTM_NEWLINK, 0, linkHeader(), text(IFLA_IFNAME, name), nested(IFLA_AF_SPEC, nested(AF_INET6, mode)));
}

/** Brings a device up. */
export function linkUp(name: string): Buffer {
  return message(RTM_NEWLINK, 0, linkHeader(true), text(IFLA_IFNAME, name));
}

/** Gives a device an IPv4 address. @param index of the device @param bits of its network's prefix */
export function newAddress4(index: number, address: number, bits: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(bits, 1);
  header.writeUInt32LE(index, 4);
  const broadcast = address4(IFA_BROADCAST, (address | (2 ** (32 - bits) - 1)) >>> 0);
  const own = [address4(IFA_LOCAL, address), address4(IFA_ADDRESS, address), broadcast];
  return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header, ...own);
}

/** Adds the default route of IPv4. @param index of the device */
export function newDefaultRoute4(index: number, gateway: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(RT_TABLE_MAIN, 4);
  header.writeUInt8(RTPROT_BOOT, 5);
  header.writeUInt8(RTN_UNICAST, 7);
  return message(
    RTM_NEWROUTE,
    NLM_F_CREATE | NLM_F_EXCL,
    header,
    address4(RTA_GATEWAY, gateway),
    number32(RTA_OIF, index),
  );
}

/** Returns the errno in an answer, 0 for success; undefined for an answer that has none. netlink(7) */
export function answeredErrno(answer: Buffer): number | undefined {
  if (answer.length < 20 || answer.readUInt16LE(4) !== NLMSG_ERROR) return undefined;
  return -answer.readInt32LE(16);
}

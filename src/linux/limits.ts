/** Resource limits: the names of ulimit and `--ulimit`, with their numbers for prlimit(2). asm-generic/resource.h. */
export const RESOURCES = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

export type Resource = keyof typeof RESOURCES;

/** The value of a limit, in the unit of its resource: bytes, seconds, a count. */
export type LimitValue = number | 'unlimited';

export function isResource(name: string): name is Resource {
  return Object.hasOwn(RESOURCES, name);
}

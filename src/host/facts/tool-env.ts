/** The environment of the host's programs and of ours: nothing of the caller's (NODE_OPTIONS, LD_PRELOAD) reaches them. */
export const TOOL_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

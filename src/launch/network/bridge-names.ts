/** A container's end of the cable to the bridge. */
export const INSIDE = 'eth0';

/** The host's end, whose name must have at most 15 letters. @param id of the container */
export const outside = (id: string) => `tsimg-${id.slice(0, 8)}`;

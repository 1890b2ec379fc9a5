import { statePlace } from '../verbs/places.ts';
import { type AttachOptions, attachRequest } from './attach-options.ts';
import { printEnd } from './print-end.ts';
import { type CommonOptions, inSession } from './session.ts';

/** The options of `tsimg attach CONTAINER`, as commander names them. */
export interface AttachContainerOptions extends CommonOptions, AttachOptions {
  /** False with `--no-stdin`. */
  readonly stdin: boolean;
}

/** Does `tsimg attach CONTAINER`. Returns the exit status. */
export async function attachContainer(container: string, options: AttachContainerOptions): Promise<number> {
  return await inSession(options, async (session) => {
    const { attachToContainer } = await import('../verbs/attach/attach-container.ts');
    const request = attachRequest(options, options.stdin, session);
    const places = { ...session.context, stateRoot: statePlace(options) };
    return printEnd(await attachToContainer(container, request, places), session);
  });
}

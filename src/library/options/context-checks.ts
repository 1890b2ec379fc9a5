import type { Context } from '../../events.ts';
import type { StorePlace } from '../../verbs/places.ts';
import { action, type Checks, signal, text } from './check-options.ts';

/** The checks of the options that every function takes. */
export const CONTEXT_CHECKS: Checks<Context> = { signal, onEvent: action };

/** The checks of a function that needs only to know where images and containers are. */
export const STORE_CHECKS: Checks<StorePlace & Context> = { ...CONTEXT_CHECKS, root: text };

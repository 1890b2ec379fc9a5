import { type Platform, parsePlatform } from '../../oci/platform.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { ImageEdit } from '../../verbs/author/config.ts';
import { hasMethods, isObject, takes } from './check-options.ts';
import { assignments } from './container-request.ts';

/** Options of which the platform may also be a text, such as `linux/arm64`. */
export type WithPlatform<Options> = Omit<Options, 'platform'> & {
  readonly platform?: Platform | string | undefined;
};

/** The options with the platform as an object. @throws PLATFORM_INVALID */
export function withPlatform<Options extends { readonly platform?: Platform | string | undefined }>({
  platform,
  ...options
}: Options) {
  return { ...options, platform: typeof platform === 'string' ? parsePlatform(platform) : platform };
}

/** Returns the reference that a text means. @throws USAGE, REFERENCE_INVALID */
export function referenceOf(reference: string | Reference): Reference {
  if (typeof reference === 'string') return parseReference(reference);
  takes(
    "a text such as 'alpine:3.20', or what parseReference returns",
    (value) => isObject(value) && typeof value.registry === 'string' && typeof value.repository === 'string',
  )('reference', reference);
  return reference;
}

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The settings of an image that is made: objects and lists of words, or texts as in {@link ImageEdit}, where `NAME-`
 * removes an entry.
 */
export interface ImageSettings extends Omit<ImageEdit, 'env' | 'label' | 'annotation' | 'entrypoint' | 'cmd'> {
  readonly env?: Values | readonly string[] | undefined;
  readonly label?: Values | readonly string[] | undefined;
  readonly annotation?: Values | readonly string[] | undefined;
  /** Words, or a text: a JSON list, or a command line for `/bin/sh -c`. */
  readonly entrypoint?: string | readonly string[] | undefined;
  /** As `entrypoint`. */
  readonly cmd?: string | readonly string[] | undefined;
}

function wordsOf(words: string | readonly string[] | undefined): string | undefined {
  return words === undefined || typeof words === 'string' ? words : JSON.stringify(words);
}

/** Returns the edit that settings mean. @throws USAGE */
export function editOf({ env, label, annotation, entrypoint, cmd, ...others }: ImageSettings): ImageEdit {
  return {
    ...others,
    env: env && assignments('env', env),
    label: label && assignments('label', label),
    annotation: annotation && assignments('annotation', annotation),
    entrypoint: wordsOf(entrypoint),
    cmd: wordsOf(cmd),
  };
}

/** Checks a SOURCE. @throws USAGE with the argument's name */
export const checkSource = takes('a text', (value) => typeof value === 'string' && value !== '');

/** Checks an image. @throws USAGE */
export const checkImage = takes(
  'an image: that of openImage is the property `image` of what it returns',
  (value) => isObject(value) && Array.isArray(value.layers) && isObject(value.config),
);

/** Checks a sink. @throws USAGE */
export const checkSink = takes('a sink, such as that of openOciLayoutSink', (value) =>
  hasMethods(value, 'has', 'write', 'publish'),
);

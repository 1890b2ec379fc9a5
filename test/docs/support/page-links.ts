import { dirname, join, normalize } from 'node:path';
import { type Page, readPage } from './page.ts';

/** A page's text without its code, in which what looks like a link is none. */
function proseOf({ text, blocks }: Page): string {
  const withoutBlocks = blocks.reduce((rest, block) => rest.replace(block.text, ''), text);
  return withoutBlocks.replaceAll(/`[^`\n]*`/g, '');
}

/** Targets of a page's links and images that lie in the checkout, without `<>`. */
export function targetsOf(page: Page): readonly string[] {
  const prose = proseOf(page);
  const links = [
    ...prose.matchAll(/\]\(<?([^)>\s]+)>?\)/g),
    ...prose.matchAll(/<(?:img|a)\s[^>]*(?:src|href)="([^"]+)"/g),
  ];
  return links.map(([, target = '']) => target).filter((target) => !/^[a-z][a-z0-9+.-]*:/.test(target));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf({ text }: Page): readonly string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'),
  );
  return headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

/** What is wrong with a link, or undefined. @param has whether there is such a file, by its path below the checkout */
export function faultOf(page: Page, target: string, has: (path: string) => boolean): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page.path : normalize(join(dirname(page.path), decodeURI(path)));
  if (file.startsWith('..') || !has(file)) return `${page.path}: ${target} leads nowhere`;
  if (anchor === undefined || !file.endsWith('.md')) return undefined;
  return anchorsOf(readPage(file)).includes(anchor) ? undefined : `${page.path}: ${target} leads to no heading`;
}

/**
 * What the server tells the page: see Shell._facts.
 * @type {{
 *   page: string, open: boolean, kind: string | null, kinds: string[], scope: string | null, digest: string,
 *   root: string, tiles: {url: string, attribution: string}, panels: Record<string, string>,
 * }}
 */
export const facts = JSON.parse(document.getElementById("facts")?.textContent ?? "{}");
export const language = document.documentElement.lang;
/**
 * Address of a file below static/.
 * @param {string} path
 */
export const file = (path) => `${facts.root}/static/${facts.digest}/${path}`;
/**
 * Address of a page, as the browser knows it: a proxy may have all of it below a path.
 * @param {string} path
 */
export const page = (path) => (path.startsWith("/") ? facts.root + path : path);
/**
 * Open a page.
 * @param {string} path
 */
export const goTo = (path) => location.assign(page(path));
/** Path of the page that is open, without what a proxy has before it. */
export const here = () =>
  facts.root && location.pathname.startsWith(`${facts.root}/`)
    ? location.pathname.slice(facts.root.length)
    : location.pathname;

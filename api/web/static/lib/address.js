// The address is the state: filters, range and selection stand in it, and a link shows a colleague the same.

/**
 * Values of the address, with defaults for what is not there.
 * @template {Record<string, string>} V
 * @param {V} defaults
 * @returns {Values & Record<keyof V, string>}
 */
export function fromAddress(defaults) {
  const given = new URLSearchParams(location.search);
  return /** @type {any} */ (
    Object.fromEntries(Object.entries(defaults).map(([name, usual]) => [name, given.get(name) ?? usual]))
  );
}

/**
 * Write values into the address; what is as usual is left out. `push` lets the back button return.
 * @param {Values} values
 * @param {Values} defaults
 */
export function toAddress(values, defaults, { push = false } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (!value || value === defaults[name]) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const address = `${location.pathname}${text ? `?${text}` : ""}${location.hash}`;
  if (address === location.pathname + location.search + location.hash) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

/** Last part of the path: the id on a page of one thing. */
export const idInPath = () => decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");

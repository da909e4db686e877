// What the server tells the page: see Shell._facts.
export const facts = JSON.parse(document.getElementById("facts").textContent);
export const language = document.documentElement.lang;
/** Address of a file below static/. */
export const file = (path) => `/static/${facts.digest}/${path}`;

// Node finds the pages' modules as the server serves them: kinds beside what all pages share.
import { register } from "node:module";

register("./hooks.js", import.meta.url);

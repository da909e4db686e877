import { start } from "../lib/page.js";

await start();

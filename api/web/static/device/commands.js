import { get, post } from "../lib/api.js";
import { commandRow, issue } from "../lib/commands.js";
import { fill, focused, h } from "../lib/dom.js";
import { me } from "../lib/page.js";
import { tellProblem, toast } from "../lib/toast.js";
import { commandName, t } from "../lib/words.js";
import { id, place, view } from "./view.js";

const allowed = () => view.kind.commands.filter((command) => me.may(command.scope));

function showCommands() {
  const may = allowed();
  /** @param {Command} command */
  const cancel = (command) => view.kind.commands.some((one) => one.name === command.name && me.may(one.scope));
  const buttons =
    may.length > 0 &&
    h(
      "div",
      { class: "actions primary-outdoors" },
      may.map((command, at) =>
        h(
          "button",
          { type: "button", class: at ? "" : "primary", onclick: () => order(command) },
          commandName(view.kind.name, command.name),
        ),
      ),
    );
  /** @param {Command[]} some */
  const rows = (some) =>
    h(
      "ul",
      { class: "commands" },
      some.map((command) => commandRow(view.kind, command, cancel(command) && stop)),
    );
  const earlier = view.commands.slice(3);
  const list = h(
    "div",
    { class: "command-list" },
    view.commands.length ? rows(view.commands.slice(0, 3)) : h("p", { class: "quiet" }, t("commands.none")),
    earlier.length > 0 &&
      h("details", {}, h("summary", {}, t("commands.earlier", { n: earlier.length })), rows(earlier)),
  );
  if (place.commands.querySelector(".command-list") && place.commands.contains(focused())) {
    if (!focused().closest(".command-list")) place.commands.querySelector(".command-list").replaceWith(list);
  } else fill(place.commands, buttons, list);
}

/** @param {Kind["commands"][number]} command */
async function order(command) {
  const filed = await issue(view.device, view.kind, command);
  if (!filed) return;
  toast(t("commands.filed"));
  await readCommands();
}

/** @param {Command} command */
async function stop(command) {
  try {
    await post(`/commands/${command.id}/cancel`);
    toast(t("commands.cancelling"));
  } catch (problem) {
    tellProblem(problem);
  }
  await readCommands();
}

/** Read the newest commands and show them. */
export async function readCommands() {
  view.commands = (await get(`/devices/${id}/commands`, { limit: 10 })).items;
  showCommands();
}

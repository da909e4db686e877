// Types that the pages' modules share; nothing of this is served. `api.d.ts` is made of docs/reference/openapi.json.
import type * as Leaflet from "leaflet";
import type UPlotChart from "uplot";
import type { paths } from "./made/api";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Json<R> = R extends { content: { "application/json": infer Body } } ? Body : never;
type Succeeded<O> = O extends { responses: infer R }
  ? { [Code in keyof R & (200 | 201 | 202)]: Json<R[Code]> }[keyof R & (200 | 201 | 202)]
  : never;
/** A path with `{id}` for whatever its parameters are called. */
type Nameless<P> = P extends `${infer A}{${string}}${infer B}` ? `${A}{id}${Nameless<B>}` : P;
/** The strings that such a path stands for. */
type Filled<P> = P extends `${infer A}{id}${infer B}` ? `${A}${string}${Filled<B>}` : P;
type Below<P> = P extends `/api/v1${infer Rest}` ? Nameless<Rest> : never;
type Operations<M extends Method> = {
  [P in keyof paths as [Succeeded<paths[P][M]>] extends [never] ? never : Below<P>]: Succeeded<paths[P][M]>;
};
type Matching<O, P extends string> = {
  [K in keyof O & string]: [P] extends [Filled<K>] ? ([Filled<K>] extends [P] ? O[K] : never) : never;
}[keyof O & string];

declare global {
  type Chart = UPlotChart;
  type LeafletMap = Leaflet.Map;
  type LeafletPoint = Leaflet.Point;
  /** What the API answers; of a path that is not known before it is built, anything. */
  type AnswerOf<M extends Method, P extends string> = [Matching<Operations<M>, P>] extends [never]
    ? any
    : Matching<Operations<M>, P>;
  /** What GET answers on a path such as "/devices/{id}". */
  type Answer<P extends keyof Operations<"get">> = Operations<"get">[P];
  /** One of the items of a list. */
  type Item<P extends keyof Operations<"get">> = Answer<P> extends { items: (infer I)[] } ? I : never;
  type ItemOf<A> = A extends { items: (infer I)[] } ? I : any;

  type Alarm = Item<"/alarms">;
  type Device = Answer<"/devices/{id}">;
  type Command = Item<"/devices/{id}/commands">;
  type Me = Answer<"/me"> & { may: (scope: string) => boolean };
  type Instant = string | number | Date;
  type Values<Names extends string = string> = Record<Names, string>;
  type Query = Record<string, string | number | boolean | null | undefined>;

  /** An element of a page's template, whose kind the template knows. */
  type Found = HTMLElement & { [name: string]: any };
  /** What a child of an element may be; false, null and undefined are left out. */
  type Child = Node | string | number | false | null | undefined | readonly Child[];
  type Handlers = {
    [E in keyof HTMLElementEventMap as `on${E}`]?: (event: HTMLElementEventMap[E] & { target: any }) => unknown;
  };
  type Attributes = Handlers & { [name: string]: any };
  /** A part of a form that gives its own value. */
  type Part<V> = { element: HTMLElement; value: () => V };

  /** News of the live stream. */
  type Change = { at: string; data: any };
  type Told = Record<string, (data: any, message: Change) => unknown>;
  /** Samples that came in, each of one device. */
  type News = { devices: { device_id: string; part?: string; ts: string; values: any; suspect?: boolean }[] };

  /** How a kind describes itself, with its fields and alarms by name. */
  type Kind = Omit<Item<"/kinds">, "fields" | "alarms"> & {
    fields: Map<string, Item<"/kinds">["fields"][number]>;
    alarms: Map<string, Item<"/kinds">["alarms"][number]>;
  };
  type Kinds = Map<string, Kind>;

  type State = "alarm" | "warning" | "offline" | "stale" | "unknown" | "sleeping" | "ok";
  /** A device as lists and maps show it. */
  type Thing = {
    id: string;
    kind: string;
    name: string;
    title: string;
    lat: number | null;
    lon: number | null;
    status: string | null;
    seen: number | null;
    silentAfter: number;
    worst?: string | null;
    alarms: number;
    state: State;
    turned?: boolean;
  };
  type Gap = { from: string; to: string };
  type Column = (number | null)[];
  type Cell = Date | number | string | null | undefined;
  type Table = { head: string[]; rows: Cell[][] };

  interface Window {
    L: typeof Leaflet;
    uPlot: typeof UPlotChart;
  }
  // As with `list[i]`: who asks for the last knows that there is one, or writes `?.`.
  interface Array<T> {
    at(index: number): T;
  }
  // What stands below an element was made by the same module, which knows what it is.
  interface ParentNode {
    querySelector(selectors: string): any;
    querySelectorAll(selectors: string): NodeListOf<any>;
  }
}
